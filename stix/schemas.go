package stix

import (
	"bytes"
	"errors"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/comity-net/comity"
)

// Bounds of a JSON Schema and of what it finds.
const (
	maxSchema       = 1 << 20
	maxSchemaNodes  = 20_000
	maxSchemaJudged = 100_000 // values of an object that is judged
	maxSchemaFound  = 16
)

// Schemas are the JSON Schemas of registered extensions, ready to judge
// objects. They do not change; many goroutines may use them at once.
type Schemas struct {
	byID map[comity.ObjectID]*jsonschema.Schema
}

// CompileSchemas makes the schemas of extensions ready, each under the id of
// its extension definition. A property-extension's schema judges the extension
// itself, that of any other kind the whole object.
//
// A schema has at most 1 MiB and may refer to itself and to the drafts of JSON
// Schema only: nothing is ever fetched. Regular expressions are those of
// package regexp, which take linear time. A schema is the choice of whoever
// registers it: one that multiplies references to itself takes its time. The
// error is of kind Invalid and names the definition.
func CompileSchemas(schemas map[comity.ObjectID][]byte) (*Schemas, error) {
	out := &Schemas{byID: make(map[comity.ObjectID]*jsonschema.Schema, len(schemas))}
	for id, text := range schemas {
		s, err := compileSchema(id, text)
		if err != nil {
			return nil, err
		}
		out.byID[id] = s
	}
	return out, nil
}

func compileSchema(id comity.ObjectID, text []byte) (*jsonschema.Schema, error) {
	fail := func(cause error) error {
		return comity.E(comity.Invalid, "register", id, comity.Msg("stix.schema_invalid", comity.A("id", id)), cause)
	}
	if id.Type() != "extension-definition" || idForm(string(id)) == idBad || len(text) > maxSchema {
		return nil, fail(nil)
	}
	t, bad := buildTree(text, string(text), defaultDepth)
	if bad != nil || len(t.nodes) > maxSchemaNodes || !t.tame() {
		return nil, fail(nil)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, fail(err)
	}
	const place = "comity:/schema.json"
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	if err := c.AddResource(place, doc); err != nil {
		return nil, fail(err)
	}
	s, err := c.Compile(place)
	if err != nil {
		return nil, fail(err)
	}
	return s, nil
}

// noLoader refuses every reference to another document.
type noLoader struct{}

// Load refuses.
func (noLoader) Load(string) (any, error) { return nil, errRemote }

var errRemote = errors.New("schemas may not refer to other documents")

// schema judges the extension e, or the whole object, by the registered schema.
func (c *check) schema(e int32, id comity.ObjectID, kind string) {
	s := c.opt.Schemas.byID[id]
	if s == nil {
		return
	}
	if len(c.t.nodes) > maxSchemaJudged || !c.t.tame() {
		c.breach(ruleSchema, e, comity.A("id", id), comity.A("keyword", ""))
		return
	}
	at, root := int32(0), ""
	if kind == "property-extension" {
		at, root = e, c.t.path(e)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(c.t.raw(at)))
	if err != nil {
		return // cannot be: the text was read as JSON before
	}
	var ve *jsonschema.ValidationError
	if errors.As(s.Validate(doc), &ve) {
		left := maxSchemaFound
		c.schemaFindings(ve, id, root, &left)
	}
}

// tame reports whether all numbers are short enough to be computed with: the
// schemas do so exactly, and 1e-999999999 would take all memory.
func (t *tree) tame() bool {
	for i := range t.nodes {
		if t.nodes[i].kind != kindNumber {
			continue
		}
		s := t.raw(int32(i))
		_, exp, _ := strings.Cut(strings.ToLower(s), "e")
		if n, err := strconv.Atoi(exp); len(s) > 400 || exp != "" && (err != nil || n > 400 || n < -400) {
			return false
		}
	}
	return true
}

// schemaFindings records the innermost causes, up to left.
func (c *check) schemaFindings(e *jsonschema.ValidationError, id comity.ObjectID, root string, left *int) {
	for _, cause := range e.Causes {
		c.schemaFindings(cause, id, root, left)
	}
	if len(e.Causes) > 0 || *left == 0 {
		return
	}
	*left--
	keyword := ""
	if k := e.ErrorKind.KeywordPath(); len(k) > 0 {
		keyword = k[0]
	}
	c.say(ruleSchema, schemaPath(root, e.InstanceLocation), "", comity.A("id", id), comity.A("keyword", keyword))
}

// schemaPath turns the tokens of a location into a property path below root.
func schemaPath(root string, tokens []string) string {
	var b strings.Builder
	b.WriteString(root)
	for _, tok := range tokens {
		n, err := strconv.ParseUint(tok, 10, 31)
		step(&b, err == nil, int(n), tok)
	}
	return clip(b.String(), 500)
}
