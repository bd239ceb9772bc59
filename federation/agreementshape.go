package federation

import (
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// shape says what may stand at a place of a draft.
type shape struct {
	fields  []shapeField                     // an object with these members
	list    *shape                           // a list of these
	some    bool                             // the list may not be empty
	accepts func(jsontext.Value) (any, bool) // another value, as it is to be read
	allowed string                           // message key: what may stand here
}

type shapeField struct {
	name string
	of   *shape
}

func (s *shape) field(name string) *shape {
	for _, f := range s.fields {
		if f.name == name {
			return f.of
		}
	}
	return nil
}

func (s *shape) names() string {
	out := make([]string, len(s.fields))
	for i, f := range s.fields {
		out[i] = f.name
	}
	return strings.Join(out, ", ")
}

// The shapes of a draft: the members of agreementBody.
var (
	textShape   = &shape{accepts: text, allowed: "federation.allowed_text"}
	textsShape  = &shape{list: textShape, allowed: "federation.allowed_texts"}
	timeShape   = &shape{accepts: timeText, allowed: "federation.allowed_time"}
	numberShape = &shape{accepts: wholeNumber, allowed: "federation.allowed_number"}
	periodShape = &shape{accepts: text, allowed: "federation.allowed_period"}

	draftShape = &shape{allowed: "federation.allowed_object", fields: []shapeField{
		{"prev", &shape{accepts: textOrNull, allowed: "federation.allowed_id"}}, {"chain", textShape},
		{"kind", textShape}, {"title", textShape},
		{"parties", &shape{allowed: "federation.allowed_list", list: &shape{allowed: "federation.allowed_object", fields: []shapeField{
			{"id", textShape}, {"name", textShape}}}}},
		{"streams", &shape{allowed: "federation.allowed_list", list: &shape{allowed: "federation.allowed_object", fields: []shapeField{
			{"name", textShape}, {"publishers", &shape{accepts: all, list: textShape, some: true, allowed: "federation.allowed_publishers"}},
			{"max", textShape}, {"types", textsShape}, {"filter", textShape}, {"purpose", textsShape}, {"within", periodShape},
			{"backfill", textShape}, {"onward", textShape}, {"retention", periodShape}}}}},
		{"quota", &shape{allowed: "federation.allowed_object", fields: []shapeField{{"objects_day", numberShape}, {"bytes_day", numberShape}}}},
		{"receipts", &shape{allowed: "federation.allowed_object", fields: []shapeField{{"within", periodShape}}}},
		{"erasure", &shape{allowed: "federation.allowed_object", fields: []shapeField{{"answer_within", periodShape}}}},
		{"confirm", textShape}, {"notice", periodShape}, {"asymmetries", textsShape},
		{"valid_from", timeShape}, {"valid_until", timeShape}, {"nonce", textShape},
	}}
)

func text(raw jsontext.Value) (any, bool) {
	var s string
	if raw.Kind() != '"' || json.Unmarshal(raw, &s) != nil {
		return nil, false
	}
	return s, true
}

func textOrNull(raw jsontext.Value) (any, bool) {
	if raw.Kind() == 'n' {
		return nil, true
	}
	return text(raw)
}

func all(raw jsontext.Value) (any, bool) {
	s, ok := text(raw)
	return s, ok && s == "all"
}

func wholeNumber(raw jsontext.Value) (any, bool) {
	var n whole
	if raw.Kind() != '0' || json.Unmarshal(raw, &n) != nil {
		return nil, false
	}
	return int64(n), true
}
