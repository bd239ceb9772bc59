package stix

import (
	"bytes"
	"strings"
	"time"

	"github.com/comity-net/comity"
)

// Options say how Parse judges an object. The zero value is standard mode with
// the default limits.
type Options struct {
	Mode     comity.Mode
	MaxDepth int // deepest nesting of arrays and objects; 0 for 64
	MaxBytes int // largest object; 0 for 16 MiB

	// Own lets the object keep the slice given to Parse as its Raw, without
	// a copy. The caller must not change it afterwards.
	Own bool

	// Markings resolves a marking definition that is not one of the fixed
	// TLP definitions to a label; may be nil.
	Markings func(comity.ObjectID) (comity.TLP, bool)

	// Schemas judges the extensions that it knows; may be nil.
	Schemas *Schemas
}

// Report is the verdict on one object.
type Report struct {
	Outcome  comity.Outcome
	Findings []comity.Finding // at most 64; one that refuses is never left out
}

const (
	defaultDepth  = 64
	defaultObject = 16 << 20
	maxFindings   = 64
)

// Parse reads one STIX object from raw: its index fields and the verdict.
//
// INVARIANT: Object.Raw equals raw, byte for byte, whatever the verdict.
// INVARIANT: a refused object has at least one finding with Refuses set; its
// fields are filled as far as they could be read.
// INVARIANT: a marking is never dropped: it is in Markings or Granular as it
// came, or the object is refused in every mode.
func Parse(raw []byte, opt Options) (comity.Object, Report) {
	if opt.MaxDepth <= 0 {
		opt.MaxDepth = defaultDepth
	}
	if opt.MaxBytes <= 0 {
		opt.MaxBytes = defaultObject
	}
	c := check{opt: opt, o: comity.Object{Raw: raw, Confidence: -1}}
	if !opt.Own {
		c.o.Raw = bytes.Clone(raw)
	}
	c.run(raw)
	return c.o, c.rep
}

// check is the judging of one object.
type check struct {
	opt  Options
	t    tree
	o    comity.Object
	rep  Report
	spec *typeSpec // nil for a type that the standard does not define
	v20  bool      // a STIX 2.0 object, or one that states no version

	steps int // nodes that selectors were followed over
}

func (c *check) run(raw []byte) {
	if len(raw) > c.opt.MaxBytes {
		c.say(ruleSize, "", "", comity.A("n", len(raw)), comity.A("limit", c.opt.MaxBytes))
		return
	}
	t, bad := buildTree(raw, string(raw), c.opt.MaxDepth)
	if bad != nil {
		c.say(bad.rule, bad.path, "", comity.A("offset", bad.at), comity.A("limit", c.opt.MaxDepth))
		return
	}
	c.t = t
	if t.nodes[0].kind != kindObject {
		c.say(ruleObject, "", "")
		return
	}
	if !c.identify() {
		return
	}
	c.version()
	c.o.Created, c.o.Modified = c.instant("created"), c.instant("modified")
	c.properties()
	c.required()
	c.markings()
	c.conditions()
	c.index()
	c.canonical()
}

// identify reads type and id, without which nothing can be said of the object.
func (c *check) identify() bool {
	c.o.Type = c.t.text0(0, "type")
	c.o.ID = comity.ObjectID(c.t.text0(0, "id"))
	switch {
	case c.o.Type == "" || len(c.o.Type) > 250:
		c.say(ruleType, "type", "")
		return false
	case c.o.Type == "bundle":
		c.say(ruleNotObject, "type", "")
		return false
	case c.o.ID == "" || len(c.o.ID) > 300:
		c.say(ruleNoID, "id", "")
		return false
	case c.o.ID.Type() != c.o.Type:
		c.say(ruleIDType, "id", "", comity.A("id", c.o.ID), comity.A("type", c.o.Type))
		return false
	}
	c.spec = types[c.o.Type]
	switch idForm(string(c.o.ID)) {
	case idBad:
		c.say(ruleID, "id", "", comity.A("id", c.o.ID))
	case idUpper:
		c.say(ruleIDCase, "id", "", comity.A("id", c.o.ID))
	case idVariant:
		c.say(ruleIDUUID, "id", "", comity.A("id", c.o.ID))
	}
	if c.spec == nil {
		if !typeName(c.o.Type) {
			c.say(ruleTypeName, "type", "", comity.A("type", c.o.Type))
		}
		if c.newClass() == classCustom {
			c.say(ruleCustomObj, "type", "", comity.A("type", c.o.Type))
		}
	}
	return true
}

// version reads spec_version. It is optional on SCOs only; an object without
// it is judged by the rules that 2.0 shares.
func (c *check) version() {
	i := c.t.get(0, "spec_version")
	if i == 0 {
		if c.spec == nil || c.spec.class != classSCO {
			c.v20 = true
			c.say(ruleVersion, "spec_version", "")
		}
		return
	}
	c.o.SpecVersion, _ = c.t.str(i)
	switch c.o.SpecVersion {
	case "2.1":
	case "2.0":
		c.v20 = true
		c.say(ruleVersion20, "spec_version", "")
	default:
		c.say(ruleVersionX, "spec_version", "", comity.A("version", clip(c.t.raw(i), 40)))
	}
}

// breach records a finding on the node i.
func (c *check) breach(r *rule, i int32, args ...comity.Arg) {
	if !c.mute(r) {
		c.say(r, c.t.path(i), "", args...)
	}
}

// mute reports whether a finding of the rule would not be kept. It spares
// finding the path, which takes time in a wide object.
func (c *check) mute(r *rule) bool {
	full := len(c.rep.Findings) >= maxFindings && (c.rep.Outcome == comity.Refused || !r.level.refuses(c.opt.Mode))
	return full || r.level == note && c.opt.Mode != comity.Strict
}

// say records a finding; section "" is the rule's own.
//
// INVARIANT: however many findings there are, the first that refuses is kept.
func (c *check) say(r *rule, path, section string, args ...comity.Arg) {
	refuses := r.level.refuses(c.opt.Mode)
	if r.level == note && c.opt.Mode != comity.Strict {
		return
	}
	if section == "" {
		section = r.section
	}
	c.record(comity.Finding{Rule: r.name, Path: path, Section: section, Refuses: refuses,
		Msg: comity.Msg(r.key, append([]comity.Arg{comity.A("path", path)}, args...)...)})
}

// record keeps a finding and moves the outcome.
func (c *check) record(f comity.Finding) {
	refuses := f.Refuses
	switch {
	case len(c.rep.Findings) < maxFindings:
		c.rep.Findings = append(c.rep.Findings, f)
	case refuses && c.rep.Outcome != comity.Refused:
		c.rep.Findings[maxFindings-1] = f
	}
	if refuses {
		c.rep.Outcome = comity.Refused
	} else {
		c.rep.Outcome = max(c.rep.Outcome, comity.Warned)
	}
}

// The shapes of an id.
const (
	idGood    = iota
	idUpper   // upper-case hexadecimal
	idVariant // no RFC 4122 variant or version
	idBad
)

// idForm judges "type--UUID".
func idForm(id string) int {
	i := len(id) - 36
	if i < 3 || id[i-2:i] != "--" {
		return idBad
	}
	u, form := id[i:], idGood
	for j := 0; j < 36; j++ {
		switch b := u[j]; {
		case j == 8 || j == 13 || j == 18 || j == 23:
			if b != '-' {
				return idBad
			}
		case b >= '0' && b <= '9' || b >= 'a' && b <= 'f':
		case b >= 'A' && b <= 'F':
			form = idUpper
		default:
			return idBad
		}
	}
	for j := 0; j < i-2; j++ {
		if b := id[j]; !(b >= 'a' && b <= 'z' || b >= '0' && b <= '9' || b == '-' || b == '_') {
			return idBad
		}
	}
	if form == idGood && (u[14] < '1' || u[14] > '8' || strings.IndexByte("89ab", u[19]) < 0) {
		return idVariant
	}
	return form
}

// typeName reports whether s may name a type: 3 to 250 lower-case letters,
// digits and hyphens, none doubled (section 3.1).
func typeName(s string) bool {
	if len(s) < 3 || len(s) > 250 || s[0] < 'a' || s[0] > 'z' || strings.Contains(s, "--") {
		return false
	}
	for i := 0; i < len(s); i++ {
		if b := s[i]; !(b >= 'a' && b <= 'z' || b >= '0' && b <= '9' || b == '-') {
			return false
		}
	}
	return true
}

// instant reads the timestamp property name of the object; zero for none.
func (c *check) instant(name string) time.Time {
	s := c.t.text0(0, name)
	if s == "" {
		return time.Time{}
	}
	t, ok := ParseTime(s)
	if !ok {
		// A zone other than Z was reported already; the instant still counts.
		t, _ = time.Parse(time.RFC3339Nano, s)
		t = t.UTC()
	}
	return t
}
