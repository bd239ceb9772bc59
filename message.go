package comity

import (
	"errors"
	"fmt"
	"net/url"
)

// Message is a text for a person: a key that exists in all six languages, and
// the arguments that its sentence needs. Package i18n renders it.
type Message struct {
	Key  string `json:"key"`
	Args []Arg  `json:"args,omitempty"`
}

// Arg is one named argument of a Message. The name "n" also chooses the
// plural form. A value that starts with "msg:" names another message, so that
// a sentence can hold a translated word (a state, a label) or a cause: its key,
// and after a "?" its arguments as in a URL query.
type Arg struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// A makes an Arg. A Message, or an error with an *Error in its chain, is put as
// the message inside; anything else is printed with fmt.Sprint.
func A(name string, v any) Arg {
	switch v := v.(type) {
	case Message:
		return Arg{Name: name, Value: v.inside()}
	case error:
		if e := (*Error)(nil); errors.As(v, &e) {
			return Arg{Name: name, Value: e.Msg.inside()}
		}
	}
	return Arg{Name: name, Value: fmt.Sprint(v)}
}

// inside writes m as the value of an argument. Its length is bounded, for causes
// nest; what is beyond loses its arguments.
func (m Message) inside() string {
	const most = 4096
	s, sep := "msg:"+m.Key, "?"
	for _, a := range m.Args {
		s += sep + url.QueryEscape(a.Name) + "=" + url.QueryEscape(a.Value)
		sep = "&"
	}
	if len(s) > most {
		return "msg:" + m.Key
	}
	return s
}

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
