package comity

import "fmt"

// Message is a text for a person: a key that exists in all six languages, and
// the arguments that its sentence needs. Package i18n renders it.
type Message struct {
	Key  string `json:"key"`
	Args []Arg  `json:"args,omitempty"`
}

// Arg is one named argument of a Message. The name "n" also chooses the
// plural form. A value that starts with "msg:" names another message key, so
// that a sentence can hold a translated word (a state, a label).
type Arg struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// A makes an Arg; v is printed with fmt.Sprint.
func A(name string, v any) Arg { return Arg{Name: name, Value: fmt.Sprint(v)} }

// Msg makes a Message.
func Msg(key string, args ...Arg) Message { return Message{Key: key, Args: args} }

// IsZero reports whether the message says nothing.
func (m Message) IsZero() bool { return m.Key == "" }

// String gives key and arguments, for logs and tests; never for a person.
func (m Message) String() string {
	s := m.Key
	for _, a := range m.Args {
		s += " " + a.Name + "=" + a.Value
	}
	return s
}
