package stix

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/stix/pattern"
)

// Upgrade turns STIX 2.0 into STIX 2.1: a bundle into a bundle, one object
// into one object, or into a bundle where it becomes several. The bytes given
// are not changed, and every change is told in a finding with the path of what
// it changed: nothing happens silently.
//
//   - spec_version moves from the bundle to each object;
//   - the labels of indicators, malware, reports, threat actors and tools that
//     name a type go to the property that STIX 2.1 has for it, others stay;
//   - an indicator gets its pattern_type and the version of the language, and
//     its object paths the names of STIX 2.1;
//   - the observables inside observed data become objects of their own, with
//     the deterministic ids of section 3.4, the names that STIX 2.1 gives their
//     properties, and references by id. What STIX 2.1 has no property for is
//     kept under its name with "x_" before it.
//
// Ids, times, markings, custom properties and every byte that is not concerned
// stay. Objects that are STIX 2.1 already are passed on as they are. Malware is
// not said to be a family or not: STIX 2.0 does not know.
//
// Only the creator of an object may publish the result under its id. Input that
// is not readable as STIX is an error of kind Invalid, more than 256 MiB of kind
// TooLarge.
func Upgrade(raw []byte) ([]byte, []comity.Finding, error) {
	if len(raw) > maxUpgrade {
		return nil, nil, comity.E(comity.TooLarge, "upgrade", "object", comity.Msg("stix.size", comity.A("n", len(raw)), comity.A("limit", maxUpgrade)), nil)
	}
	u := &upgrade{made: map[string]string{}}
	r := NewReader(bytes.NewReader(raw), Limits{})
	for {
		it, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil && it.Report.Outcome == comity.Refused {
			err = comity.E(comity.Invalid, "upgrade", it.Where(), it.Report.Findings[0].Msg, nil)
		}
		if err != nil {
			return nil, nil, err
		}
		u.at = it.Path
		u.object(it.Raw)
	}
	switch {
	case r.members.typ == "bundle":
		return bundleOf(r.members.id, u.out), u.changes, nil
	case len(u.out) == 0:
		return nil, nil, comity.E(comity.Invalid, "upgrade", "object", comity.Msg("stix.upgrade_unreadable"), nil)
	case len(u.out) == 1:
		return u.out[0], u.changes, nil
	}
	return bundleOf(bundleID(u.out), u.out), u.changes, nil
}

// upgrade is one run of Upgrade.
type upgrade struct {
	out     [][]byte
	changes []comity.Finding
	at      string            // path of the object in the bundle, or ""
	made    map[string]string // observables by id, so that each stands once
}

// Bounds of one upgrade: bytes, and findings.
const (
	maxUpgrade = 256 << 20
	maxChanges = 100_000
)

// tell records a change to the property at path of the present object.
func (u *upgrade) tell(path, section, key string, args ...comity.Arg) {
	if len(u.changes) >= maxChanges {
		return
	}
	if u.at != "" {
		path = u.at + "." + path
	}
	u.changes = append(u.changes, comity.Finding{Rule: "upgrade", Path: path, Section: section,
		Msg: comity.Msg(key, append([]comity.Arg{comity.A("path", path)}, args...)...)})
}

// object upgrades one object and adds what it becomes.
func (u *upgrade) object(raw []byte) {
	t, bad := buildTree(raw, string(raw), defaultDepth)
	if bad != nil || t.nodes[0].kind != kindObject || t.text0(0, "type") == "" || t.text0(0, "spec_version") == "2.1" {
		u.out = append(u.out, raw)
		return
	}
	typ := t.text0(0, "type")
	if s := types[typ]; s != nil && s.class == classSCO {
		u.out = append(u.out, raw) // an object of its own only in 2.1
		return
	}
	e := edits{t: &t}
	e.set("spec_version", `"2.1"`)
	u.tell("spec_version", "3.2", "stix.upgrade_version")
	if property := typeProperty[typ]; property != "" {
		u.labels(&e, property)
	}
	var observables [][]byte
	switch typ {
	case "indicator":
		u.indicator(&e)
	case "observed-data":
		observables = u.container(&e)
	}
	u.out = append(u.out, observables...)
	u.out = append(u.out, e.apply())
}

// typeProperty names the property to which the labels of STIX 2.0 go that say
// of what type an object is.
var typeProperty = map[string]string{
	"indicator": "indicator_types", "malware": "malware_types", "report": "report_types",
	"threat-actor": "threat_actor_types", "tool": "tool_types",
}

// labels moves the labels that are terms of the type's vocabulary.
func (u *upgrade) labels(e *edits, property string) {
	t := e.t
	i := t.get(0, "labels")
	if i == 0 || t.nodes[i].kind != kindArray || t.get(0, property) != 0 {
		return
	}
	terms := types[t.text0(0, "type")].props[property].vocab.terms
	var moved, kept []string
	for l := t.first(i); l != 0; l = t.nodes[l].next {
		if s, ok := t.str(l); ok && terms[s] {
			moved = append(moved, t.raw(l))
		} else {
			kept = append(kept, t.raw(l))
		}
	}
	if len(moved) == 0 {
		return
	}
	if len(kept) == 0 {
		e.rename("labels", property)
	} else {
		e.set("labels", "["+strings.Join(kept, ",")+"]")
		e.set(property, "["+strings.Join(moved, ",")+"]")
	}
	u.tell("labels", types[t.text0(0, "type")].section, "stix.upgrade_labels",
		comity.A("value", clip(strings.Join(moved, ", "), 200)), comity.A("name", property))
}

// indicator states the language of the pattern, and gives the properties in it
// the names of STIX 2.1. A pattern that only STIX 2.0 could read is printed
// anew; one that cannot be read is kept and marked as 2.0.
func (u *upgrade) indicator(e *edits) {
	t := e.t
	if t.get(0, "pattern_type") != 0 {
		return
	}
	text := t.text0(0, "pattern")
	version := "2.1"
	p, err := pattern.Parse(text, pattern.Limits{})
	anew := err != nil
	if anew {
		p, err = pattern.ParseLenient(text, pattern.Limits{})
	}
	if err != nil {
		version = "2.0"
		u.tell("pattern", "9", "stix.upgrade_pattern_kept", comity.A("cause", err))
	} else if q := p.Rename(u.path); q != p || anew {
		now := q.String()
		e.set("pattern", quoteJSON(now))
		u.tell("pattern", "9", "stix.upgrade_pattern", comity.A("value", clip(now, 200)))
	}
	e.set("pattern_type", `"stix"`)
	e.set("pattern_version", `"`+version+`"`)
	u.tell("pattern_type", "4.7", "stix.upgrade_pattern_type", comity.A("version", version))
}

// path gives a property in a pattern its name in STIX 2.1. One that STIX 2.1
// does not have is told and left; it matches nothing any more.
func (u *upgrade) path(typ, property string) string {
	if to := renamed[typ][property]; to != "" {
		return to
	}
	if dropped[typ][property] {
		u.tell("pattern", "9.7", "stix.upgrade_pattern_lost", comity.A("name", typ+":"+property))
	}
	return property
}

// container takes the observables out of observed data.
func (u *upgrade) container(e *edits) [][]byte {
	t := e.t
	i := t.get(0, "objects")
	if i == 0 || t.nodes[i].kind != kindObject || t.nodes[i].n == 0 {
		return nil
	}
	o := observables{u: u, t: t, owner: t.text0(0, "id"), keys: map[string]int32{}, ids: map[string]string{}}
	for m := t.first(i); m != 0; m = t.nodes[m].next {
		if t.nodes[m].kind != kindObject || t.text0(m, "type") == "" {
			u.tell("objects", "4.14", "stix.upgrade_objects_kept")
			return nil
		}
		o.keys[t.name(m)] = m
	}
	ids := o.run(i)
	e.rename("objects", "object_refs")
	e.set("objects", "["+strings.Join(ids, ",")+"]")
	u.tell("objects", "4.14", "stix.upgrade_objects", comity.A("n", len(ids)))
	return o.out
}
