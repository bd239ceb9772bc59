package federation

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/policy"
)

// Draft is an edited agreement: what can be read of its clauses, and everything
// that is wrong with them. Body is what all parties sign; it is nil as long as
// there are findings.
type Draft struct {
	Body      []byte
	Agreement comity.Agreement
	Findings  []comity.Finding // in no agreement that may be signed
}

// ReadDraft reads edited JSON. Unlike ParseAgreement it also finds unknown
// members, for a misspelt clause would silently not hold, and what
// policy.CheckAgreement says must not be signed; and it finds all at once. Only
// text that is not one JSON object is an error, which names line and column.
func ReadDraft(text []byte) (Draft, error) {
	const op = "read draft"
	var d Draft
	if len(text) > maxAgreement {
		return d, tooLarge(op, "", nil, "agreement", maxAgreement)
	}
	if err := readable(op, text); err != nil {
		return d, err
	}
	w := draftWalk{text: text, dec: jsontext.NewDecoder(bytes.NewReader(text))}
	tree, _ := w.value(draftShape, "")
	if tree == nil {
		line, column := position(text, 0)
		return d, invalid(op, "", nil, "federation.draft_object", comity.A("line", line), comity.A("column", column))
	}
	var b agreementBody
	clean, err := json.Marshal(tree)
	if err == nil {
		err = json.Unmarshal(clean, &b)
	}
	if err != nil {
		return d, unreadable(op, err)
	}
	d.Agreement = b.clauses()
	w.body(&b)
	for _, f := range policy.CheckAgreement(d.Agreement) {
		w.add(f)
	}
	var line bytes.Buffer
	if err := stdjson.Compact(&line, text); err != nil {
		return d, unreadable(op, err)
	}
	body := append(append([]byte(TypeAgreement+"\n"), line.Bytes()...), '\n')
	sum := sha256.Sum256(body)
	d.Agreement.ID = comity.AgreementID(hex.EncodeToString(sum[:]))
	if d.Findings = w.found; len(d.Findings) > 0 {
		return d, nil
	}
	d.Body = body
	d.Agreement, err = ParseAgreement(body)
	return d, err
}

// NewAgreement turns edited JSON into the body that all parties sign: the type
// line and the JSON on one line, otherwise as written. The first finding of
// ReadDraft is the error.
func NewAgreement(draft []byte) (body []byte, a comity.Agreement, err error) {
	d, err := ReadDraft(draft)
	if err == nil && len(d.Findings) > 0 {
		f := d.Findings[0]
		err = comity.E(comity.Invalid, "propose agreement", f.Path, f.Msg, nil)
	}
	if err != nil {
		return nil, comity.Agreement{}, err
	}
	return d.Body, d.Agreement, nil
}

// readable refuses what is not one JSON value without repeated members, and says
// where.
func readable(op string, text []byte) error {
	dec := jsontext.NewDecoder(bytes.NewReader(text))
	wrong := func(offset int64, err error, key string, args ...comity.Arg) error {
		line, column := position(text, offset)
		return invalid(op, "", err, key, append(args, comity.A("line", line), comity.A("column", column))...)
	}
	for first := true; ; first = false {
		_, err := dec.ReadToken()
		var syntax *jsontext.SyntacticError
		switch {
		case err == nil && dec.StackDepth() > maxDepth:
			return wrong(dec.InputOffset(), nil, "federation.draft_depth", comity.A("limit", maxDepth))
		case err == nil && !first && dec.StackDepth() == 0:
			if rest := bytes.TrimLeft(text[dec.InputOffset():], " \t\r\n"); len(rest) > 0 {
				return wrong(int64(len(text)-len(rest)), nil, "federation.draft_trailing")
			}
			return nil
		case err == nil:
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return wrong(int64(len(text)), err, "federation.draft_cut")
		case errors.As(err, &syntax) && errors.Is(err, jsontext.ErrDuplicateName):
			return wrong(syntax.ByteOffset, err, "federation.draft_twice", comity.A("field", clip(syntax.JSONPointer.LastToken())))
		case errors.As(err, &syntax):
			return wrong(syntax.ByteOffset, err, "federation.draft_syntax")
		default:
			return wrong(dec.InputOffset(), err, "federation.draft_syntax")
		}
	}
}

// position counts lines and the characters of a line from 1.
func position(text []byte, offset int64) (line, column int) {
	before := text[:max(0, min(offset, int64(len(text))))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return bytes.Count(before, []byte{'\n'}) + 1, utf8.RuneCount(before[start:]) + 1
}

// unreadable says that an agreement's JSON cannot be read, and at which member
// where that is known.
func unreadable(op string, err error) error {
	var known *comity.Error
	if errors.As(err, &known) {
		return comity.E(known.Kind, op, known.Subject, known.Msg, err)
	}
	field := ""
	var wrong *json.SemanticError
	if errors.As(err, &wrong) {
		field = strings.ReplaceAll(strings.TrimPrefix(string(wrong.JSONPointer), "/"), "/", ".")
	}
	return invalid(op, "", err, "federation.agreement_shape", comity.A("field", clip(field)))
}

const (
	maxFindings = 200 // told of one draft
	maxListed   = 200 // elements of any list in a draft
)

// draftWalk reads a draft against its shape and collects findings.
type draftWalk struct {
	text  []byte
	dec   *jsontext.Decoder
	found []comity.Finding
}

// add keeps the first finding about a property; for what cannot be read at all
// is missing as well, and so is everything in it.
func (w *draftWalk) add(f comity.Finding) {
	if w.full() {
		return
	}
	for _, g := range w.found {
		inside := strings.HasPrefix(f.Path, g.Path+".") || strings.HasPrefix(f.Path, g.Path+"[")
		if g.Path == f.Path && (g.Rule != f.Rule || f.Rule != "filter") || g.Rule == "type" && inside {
			return
		}
	}
	w.found = append(w.found, f)
}

func (w *draftWalk) full() bool { return len(w.found) >= maxFindings }

func (w *draftWalk) refuse(rule, path, key string, args ...comity.Arg) {
	args = append([]comity.Arg{comity.A("path", path)}, args...)
	w.add(comity.Finding{Rule: rule, Path: path, Refuses: true, Msg: comity.Msg(key, args...)})
}

// value reads one value and returns it when it is of the shape; what is not is
// skipped, with a finding.
func (w *draftWalk) value(s *shape, path string) (any, bool) {
	start := w.dec.InputOffset()
	kind := w.dec.PeekKind()
	switch {
	case kind == '{' && s.fields != nil:
		return w.object(s, path)
	case kind == '[' && s.list != nil:
		return w.array(s, path)
	}
	raw, err := w.dec.ReadValue()
	if err != nil {
		return nil, false // it was read before without fault
	}
	if s.accepts != nil {
		if v, ok := s.accepts(raw); ok {
			return v, true
		}
	}
	if path == "" || w.full() {
		return nil, false
	}
	line, _ := position(w.text, start+int64(len(w.text[start:])-len(bytes.TrimLeft(w.text[start:], " \t\r\n,:"))))
	w.refuse("type", path, "federation.draft_value", comity.A("value", shown(string(raw))), comity.A("line", line), comity.A("allowed", "msg:"+s.allowed))
	return nil, false
}

func (w *draftWalk) object(s *shape, path string) (any, bool) {
	out := map[string]any{}
	if _, err := w.dec.ReadToken(); err != nil {
		return nil, false
	}
	for w.dec.PeekKind() == '"' {
		tok, err := w.dec.ReadToken()
		if err != nil {
			return nil, false
		}
		name := tok.String()
		at := strings.TrimPrefix(path+"."+name, ".")
		field := s.field(name)
		if field == nil {
			line := 0
			if !w.full() {
				line, _ = position(w.text, w.dec.InputOffset())
			}
			w.refuse("unknown", shown(at), "federation.draft_unknown", comity.A("line", line), comity.A("allowed", s.names()))
			if err := w.dec.SkipValue(); err != nil {
				return nil, false
			}
			continue
		}
		if v, ok := w.value(field, at); ok {
			out[name] = v
		}
	}
	_, err := w.dec.ReadToken()
	return out, err == nil
}

// array reads a list. An element that is not of the shape leaves its place empty,
// so that the others keep their numbers.
func (w *draftWalk) array(s *shape, path string) (any, bool) {
	out := []any{}
	if _, err := w.dec.ReadToken(); err != nil {
		return nil, false
	}
	for i := 0; ; i++ {
		if k := w.dec.PeekKind(); k == ']' || k == 0 {
			break
		}
		if i >= maxListed {
			w.refuse("type", path, "federation.draft_long", comity.A("limit", maxListed))
			if err := w.dec.SkipValue(); err != nil {
				return nil, false
			}
			continue
		}
		v, ok := w.value(s.list, fmt.Sprintf("%s[%d]", path, i))
		if !ok {
			if v = any(""); s.list.fields != nil {
				v = map[string]any{}
			}
		}
		out = append(out, v)
	}
	_, err := w.dec.ReadToken()
	if len(out) == 0 && s.some {
		w.refuse("type", path, "federation.draft_empty", comity.A("allowed", "msg:"+s.allowed))
		return nil, false
	}
	return out, err == nil
}

// shown is foreign text made fit for a message on one line.
func shown(s string) string {
	s = clip(s)
	if !showable(strings.TrimSpace(s), 200) {
		s = fmt.Sprintf("%+q", s)
	}
	return s
}

// body finds what is wrong with the members that are no clauses.
func (w *draftWalk) body(b *agreementBody) {
	wrong := func(bad bool, path, value, allowed string) {
		if bad {
			w.refuse("value", path, "federation.draft_field", comity.A("value", shown(value)), comity.A("allowed", "msg:"+allowed))
		}
	}
	if b.Prev != nil {
		wrong(!hexID.MatchString(string(*b.Prev)), "prev", string(*b.Prev), "federation.allowed_id")
		wrong(!hexID.MatchString(string(b.Chain)), "chain", string(b.Chain), "federation.allowed_id")
	} else {
		wrong(b.Chain != "", "chain", string(b.Chain), "federation.allowed_chain")
	}
	wrong(!showable(b.Title, 300), "title", b.Title, "federation.allowed_text")
	for i, p := range b.Parties {
		wrong(p.Name == "" || !showable(p.Name, 200), fmt.Sprintf("parties[%d].name", i), p.Name, "federation.allowed_text")
	}
	for i, s := range b.Streams {
		_, ok := comity.ParseTLP(s.Max)
		path := fmt.Sprintf("streams[%d].", i)
		wrong(!ok, path+"max", s.Max, "federation.allowed_tlp")
		wrong(!showable(s.Filter, 2000), path+"filter", s.Filter, "federation.allowed_text")
		wrong(len(s.Types) > 200, path+"types", fmt.Sprint(len(s.Types)), "federation.allowed_types")
		wrong(len(s.Purpose) > 50, path+"purpose", fmt.Sprint(len(s.Purpose)), "federation.allowed_purposes")
	}
	wrong(len(b.Asymmetries) > 100, "asymmetries", fmt.Sprint(len(b.Asymmetries)), "federation.allowed_asymmetries")
	for i, s := range b.Asymmetries {
		wrong(s == "" || !showable(s, 1000), fmt.Sprintf("asymmetries[%d]", i), s, "federation.allowed_text")
	}
	nonce, err := base64.StdEncoding.Strict().DecodeString(b.Nonce)
	wrong(err != nil || len(nonce) != 32, "nonce", b.Nonce, "federation.allowed_nonce")
}

// clauses are the clauses as far as they can be read. ParseAgreement gives only
// those of a body without fault.
func (b *agreementBody) clauses() comity.Agreement {
	a := b.terms()
	for _, s := range b.Streams {
		ceiling, _ := comity.ParseTLP(s.Max)
		a.Streams = append(a.Streams, s.clauses(ceiling))
	}
	return a
}

// timeText accepts a time as RFC 3339 writes it.
func timeText(raw jsontext.Value) (any, bool) {
	v, ok := text(raw)
	if ok {
		_, err := time.Parse(time.RFC3339, v.(string))
		ok = err == nil
	}
	return v, ok
}
