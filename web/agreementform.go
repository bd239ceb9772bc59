package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/i18n"
)

// draftForm is the common case of an agreement as a form. The text stays what is
// signed: the form is read from it and written back into it.
type draftForm struct {
	Title   string       `json:"title"`
	Streams []streamForm `json:"streams"`
}

// streamForm is what the form asks of one stream.
type streamForm struct {
	Name      string        `json:"name"`
	Max       string        `json:"max"`
	Onward    comity.Onward `json:"onward"`
	Retention comity.Period `json:"retention"`
	Purpose   []string      `json:"purpose"`
}

// maxFormStreams bounds the form; an agreement with more is edited as text.
const maxFormStreams = 12

// readDraft reads the form from the text; nil when the text does not fit a form.
func readDraft(text string) *draftForm {
	var d draftForm
	if json.Unmarshal([]byte(text), &d) != nil || len(d.Streams) == 0 || len(d.Streams) > maxFormStreams {
		return nil
	}
	return &d
}

// Onwards are the choices of who may get it from the receiver.
func (streamForm) Onwards() []comity.Onward {
	return []comity.Onward{comity.OnwardNone, comity.OnwardConstituency, comity.OnwardTLP}
}

// Retentions are the usual times to keep, the stream's own among them; "" is no limit.
func (s streamForm) Retentions() []comity.Period {
	list := []comity.Period{"P7D", "P30D", "P90D", "P180D", "P365D", "P730D"}
	if s.Retention != "" && !slices.Contains(list, s.Retention) {
		list = append(list, s.Retention)
	}
	return list
}

// choice is one box of the form.
type choice struct {
	Value, Text string
	On          bool
}

// purposeChoices are the usual purposes in order, then those of the stream's own.
func purposeChoices(p i18n.Printer, have []string) []choice {
	list := []string{"defence", "detection", "prevention", "response", "research", "statistics", "training"}
	for _, h := range have {
		if !slices.Contains(list, h) {
			list = append(list, h)
		}
	}
	out := make([]choice, len(list))
	for i, v := range list {
		out[i] = choice{Value: v, Text: purposeNames(p, []string{v}), On: slices.Contains(have, v)}
	}
	return out
}

// member is one member of a JSON object in the order of the text.
type member struct {
	key   string
	value json.RawMessage
}

// ordered is a JSON object that keeps the order of its members, so that a text
// in which one thing was changed still reads as it did.
type ordered []member

var errNotObject = errors.New("not an object")

func (o *ordered) UnmarshalJSON(b []byte) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return errNotObject
	}
	*o = nil
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return err
		}
		m := member{}
		m.key, _ = tok.(string)
		if err := dec.Decode(&m.value); err != nil {
			return err
		}
		*o = append(*o, m)
	}
	return nil
}

func (o ordered) MarshalJSON() ([]byte, error) {
	var buf bytes.Buffer
	for i, m := range o {
		buf.WriteByte("{,"[min(i, 1)])
		key, err := plain(m.key, "")
		if err != nil {
			return nil, err
		}
		buf.Write(key)
		buf.WriteByte(':')
		buf.Write(m.value)
	}
	if len(o) == 0 {
		buf.WriteByte('{')
	}
	buf.WriteByte('}')
	return buf.Bytes(), nil
}

func (o ordered) get(key string) json.RawMessage {
	for _, m := range o {
		if m.key == key {
			return m.value
		}
	}
	return nil
}

// set writes a text or a list of texts; an empty one takes the member away.
func (o *ordered) set(key string, value any) error {
	at := slices.IndexFunc(*o, func(m member) bool { return m.key == key })
	if list, ok := value.([]string); value == "" || ok && len(list) == 0 {
		if at >= 0 {
			*o = slices.Delete(*o, at, at+1)
		}
		return nil
	}
	raw, err := plain(value, "")
	if err != nil {
		return err
	}
	if at >= 0 {
		(*o)[at].value = raw
		return nil
	}
	*o = append(*o, member{key, raw})
	return nil
}

// writeDraft writes what the form says into the text and leaves the rest.
func writeDraft(text string, form map[string][]string) (string, error) {
	var doc ordered
	var streams, kept []ordered
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		return "", err
	}
	if err := json.Unmarshal(doc.get("streams"), &streams); err != nil {
		return "", err
	}
	for i := range streams {
		field := func(name string) []string { return form["s"+strconv.Itoa(i)+"."+name] }
		if len(field("drop")) > 0 {
			continue
		}
		err := errors.Join(streams[i].fill("max", field("max")), streams[i].fill("onward", field("onward")),
			streams[i].fill("retention", field("retention")), streams[i].set("purpose", field("purpose")))
		if err != nil {
			return "", err
		}
		kept = append(kept, streams[i])
	}
	if kept == nil {
		kept = []ordered{} // no stream is said as such by the check
	}
	err := errors.Join(doc.fill("title", form["title"]), doc.set("streams", kept))
	if err != nil {
		return "", err
	}
	out, err := plain(doc, "  ")
	return string(out) + "\n", err
}

// fill sets a member from a field of the form that was sent.
func (o *ordered) fill(key string, sent []string) error {
	if len(sent) == 0 {
		return nil
	}
	return o.set(key, strings.TrimSpace(sent[0]))
}

// plain writes JSON for people: signs of HTML stand as themselves.
func plain(v any, indent string) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	err := enc.Encode(v)
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), err
}

// agreementField is one field of the text, for the list beside it.
type agreementField struct{ Path, Key, Values string }

// agreementFields lists every field of an agreement with what it may hold. The
// meaning stands under web.field.<Key>.
func agreementFields() []agreementField {
	const period = "PT15M, PT72H, P30D, P365D …"
	return []agreementField{
		{"title", "title", ""},
		{"kind", "kind", "bilateral, group"},
		{"parties[].id, .name", "parties", ""},
		{"streams[].name", "name", "a–z 0–9 -"},
		{"streams[].publishers", "publishers", `"all", [id …]`},
		{"streams[].max", "max", "clear, green, amber, amber+strict, red"},
		{"streams[].types", "types", `["indicator", "malware" …], ["*"]`},
		{"streams[].filter", "filter", ""},
		{"streams[].purpose", "purpose", "defence, detection, prevention, response, research, statistics, training …"},
		{"streams[].within", "within", period},
		{"streams[].backfill", "backfill", "none, all, P30D …"},
		{"streams[].onward", "onward", "none, constituency, tlp"},
		{"streams[].retention", "retention", period},
		{"quota.objects_day", "objects_day", "1, 2 …"},
		{"quota.bytes_day", "bytes_day", "1000000, 2e9 …"},
		{"receipts.within", "receipts", period},
		{"erasure.answer_within", "erasure", period},
		{"confirm", "confirm", "1/2, 2/3, 1/1 …"},
		{"notice", "notice", period},
		{"asymmetries", "asymmetries", `["…"]`},
		{"valid_from", "valid_from", "2026-12-01T00:00:00Z"},
		{"valid_until", "valid_until", "2027-12-01T00:00:00Z"},
		{"prev, chain", "prev", "null, id"},
		{"nonce", "nonce", ""},
	}
}
