package stix

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/comity-net/comity"
)

// Changes says what a new version of an object changes. The zero value only
// gives it a new time.
type Changes struct {
	Revoke bool       // revocation is final: no version may follow
	TLP    comity.TLP // replaces the TLP markings of the whole object; Unmarked leaves them
}

// NewVersion returns the bytes of the next version of the object in raw: its
// modified is now, or a millisecond after the last one if that is later; every
// byte that the changes do not touch stays as it was. Only the creator of an
// object may make versions of it (section 3.6); that is for the caller to see
// to. An object without versions is an error of kind Invalid, a revoked one of
// kind Conflict.
func NewVersion(raw []byte, now time.Time, ch Changes) ([]byte, error) {
	t, bad := buildTree(raw, string(raw), defaultDepth)
	if bad != nil || t.nodes[0].kind != kindObject {
		return nil, comity.E(comity.Invalid, "revise", "object", comity.Msg("stix.not_versioned", comity.A("id", "")), nil)
	}
	id := t.text0(0, "id")
	at := t.get(0, "modified")
	last, ok := ParseTime(t.text0(0, "modified"))
	if at == 0 || !ok {
		return nil, comity.E(comity.Invalid, "revise", id, comity.Msg("stix.not_versioned", comity.A("id", id)), nil)
	}
	if r := t.get(0, "revoked"); r != 0 && t.nodes[r].kind == kindTrue {
		return nil, comity.E(comity.Conflict, "revise", id, comity.Msg("stix.already_revoked", comity.A("id", id)), nil)
	}
	now = now.Truncate(time.Millisecond)
	if !now.After(last) {
		now = last.Truncate(time.Millisecond).Add(time.Millisecond)
	}
	e := edits{t: &t}
	e.set("modified", `"`+FormatTime(now)+`"`)
	if ch.Revoke {
		e.set("revoked", "true")
	}
	if ch.TLP != comity.Unmarked {
		refs, err := e.remarked(ch.TLP)
		if err != nil {
			return nil, err
		}
		e.set("object_marking_refs", refs)
	}
	return e.apply(), nil
}

// edit replaces the text [start,end).
type edit struct {
	start, end int32
	text       string
}

// edits collects changes to the top-level properties of an object.
type edits struct {
	t    *tree
	list []edit
}

// set gives the property a new value, adding it at the end if it is not there.
func (e *edits) set(name, value string) {
	if i := e.t.get(0, name); i != 0 {
		e.list = append(e.list, edit{e.t.nodes[i].start, e.t.nodes[i].end, value})
		return
	}
	last := e.t.first(0)
	for e.t.nodes[last].next != 0 {
		last = e.t.nodes[last].next
	}
	end := e.t.nodes[last].end
	e.list = append(e.list, edit{end, end, `,"` + name + `":` + value})
}

// rename gives the property another name.
func (e *edits) rename(name, to string) {
	if i := e.t.get(0, name); i != 0 {
		e.list = append(e.list, edit{e.t.nodes[i].nameStart, e.t.nodes[i].nameEnd, to})
	}
}

// remarked returns object_marking_refs with the TLP definitions replaced by
// the one of l, all others kept.
func (e *edits) remarked(l comity.TLP) (string, error) {
	refs := []string{string(TLPMarking(l))}
	if i := e.t.get(0, "object_marking_refs"); i != 0 && e.t.nodes[i].kind == kindArray {
		for m := e.t.first(i); m != 0; m = e.t.nodes[m].next {
			s, _ := e.t.str(m)
			if _, tlp := TLPOf(comity.ObjectID(s)); !tlp {
				refs = append(refs, s)
			}
		}
	}
	b, err := json.Marshal(refs)
	if err != nil {
		return "", comity.E(comity.Internal, "revise", "object", comity.Msg("stix.not_built"), err)
	}
	return string(b), nil
}

// apply returns the text with all edits done.
func (e *edits) apply() []byte {
	slices.SortStableFunc(e.list, func(a, b edit) int { return cmp.Compare(a.start, b.start) })
	var b strings.Builder
	at := int32(0)
	for _, x := range e.list {
		b.WriteString(e.t.text[at:x.start])
		b.WriteString(x.text)
		at = x.end
	}
	b.WriteString(e.t.text[at:])
	return []byte(b.String())
}
