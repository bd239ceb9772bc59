package stix

import (
	"strconv"
	"strings"
	"time"

	"github.com/comity-net/comity"
)

// Bounds of the index fields of one object.
const (
	maxNameBytes = 512
	maxText      = 256 << 10
	maxRefs      = 50_000
	maxLabels    = 1_000
)

// index fills the fields by which stores and lists find the object.
func (c *check) index() {
	t, o := &c.t, &c.o
	if !Versioned(o.Type) {
		o.Modified = time.Time{} // the type has no versions, whatever the object says
	} else if o.Modified.IsZero() {
		o.Modified = o.Created // lenient mode: its first version
	}
	o.Creator = comity.ObjectID(clip(t.text0(0, "created_by_ref"), 300))
	if i := t.get(0, "revoked"); i != 0 {
		o.Revoked = t.nodes[i].kind == kindTrue
	}
	o.Lang = clip(t.text0(0, "lang"), 100)
	if i := t.get(0, "confidence"); i != 0 {
		if f, ok := c.number(i); ok && f >= 0 && f <= 100 {
			o.Confidence = int(f)
		}
	}
	o.Labels = c.strings("labels", maxLabels)
	o.ValidFrom, o.ValidUntil = c.instant("valid_from"), c.instant("valid_until")
	o.Country = c.country()
	o.Name = clean(clip(c.displayName(), maxNameBytes))
	o.Text = c.written()
	c.refs()
	c.values()
}

// number reads a JSON number.
func (c *check) number(i int32) (float64, bool) {
	if c.t.nodes[i].kind != kindNumber {
		return 0, false
	}
	f, err := strconv.ParseFloat(c.t.raw(i), 64)
	return f, err == nil
}

func plain(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// strings returns the strings of the list property, at most limit.
func (c *check) strings(name string, limit int) []string {
	t := &c.t
	i := t.get(0, name)
	if i == 0 || t.nodes[i].kind != kindArray {
		return nil
	}
	var out []string
	for e := t.first(i); e != 0 && len(out) < limit; e = t.nodes[e].next {
		if s, ok := t.str(e); ok && s != "" {
			out = append(out, clean(s))
		}
	}
	return out
}

// clean drops the character U+0000, which a JSON string may hold and no
// database column may.
func clean(s string) string {
	if strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ReplaceAll(s, "\x00", "")
}

// country returns the two letters that the object states, upper case: the
// country of a location, or of an identity by CountryExtension.
func (c *check) country() string {
	t := &c.t
	s := ""
	switch c.o.Type {
	case "location":
		s = t.text0(0, "country")
	case "identity":
		if ext := t.get(0, "extensions"); ext != 0 {
			if e := t.get(ext, string(CountryExtension)); e != 0 {
				s = t.text0(e, "country")
			}
		}
	}
	if len(s) != 2 || s[0]|0x20 < 'a' || s[0]|0x20 > 'z' || s[1]|0x20 < 'a' || s[1]|0x20 > 'z' {
		return ""
	}
	return strings.ToUpper(s)
}

// nameOf lists the properties that can stand for a name, best first.
var nameOf = [...]string{"name", "value", "path", "abstract", "relationship_type", "key", "subject", "command_line",
	"account_login", "display_name", "user_id", "product", "opinion", "url", "title", "content", "definition_type", "pattern", "country", "region", "serial_number"}

// displayName returns what a list shows for the object.
func (c *check) displayName() string {
	t := &c.t
	for _, n := range nameOf {
		if s := t.text0(0, n); s != "" {
			if n == "content" {
				s, _, _ = strings.Cut(clip(s, 120), "\n")
			}
			return s
		}
	}
	if i := t.get(0, "number"); i != 0 && c.o.Type == "autonomous-system" {
		return "AS" + t.raw(i)
	}
	if h := t.get(0, "hashes"); h != 0 && t.nodes[h].kind == kindObject && t.nodes[h].n > 0 {
		s, _ := t.str(t.first(h))
		return s
	}
	return ""
}

// writtenProps are the properties in which people write.
var writtenProps = [...]string{"name", "title", "description", "abstract", "content", "summary", "explanation", "objective", "subject", "action", "contact_information"}

// written joins what a person wrote, for full text. A missing property adds
// nothing; one that stands alone costs no copy.
func (c *check) written() string {
	t := &c.t
	if c.spec != nil && c.spec.class == classSCO && c.o.Type != "email-message" && c.o.Type != "software" {
		return ""
	}
	var parts [len(writtenProps)]string
	list := parts[:0]
	for _, n := range writtenProps {
		if s := t.text0(0, n); s != "" {
			list = append(list, s)
		}
	}
	for _, n := range [...]string{"aliases", "x_mitre_aliases", "goals", "labels"} {
		if a := c.strings(n, maxLabels); len(a) > 0 {
			list = append(list, strings.Join(a, "\n"))
		}
	}
	return clean(clip(strings.Join(list, "\n"), maxText))
}

// refs collects every *_ref and *_refs at any depth, but created_by_ref and
// the markings, each pair of property and target once.
func (c *check) refs() {
	t := &c.t
	var seen map[comity.Ref]struct{}
	add := func(kind string, i int32) {
		s, ok := t.str(i)
		if !ok || len(c.o.Refs) >= maxRefs || !strings.Contains(s, "--") || idForm(s) == idBad {
			return
		}
		r := comity.Ref{Kind: kind, Target: comity.ObjectID(s)}
		if len(c.o.Refs) > 8 || seen != nil {
			if seen == nil {
				seen = make(map[comity.Ref]struct{}, 64)
				for _, x := range c.o.Refs {
					seen[x] = struct{}{}
				}
			}
			if _, dup := seen[r]; dup {
				return
			}
			seen[r] = struct{}{}
		} else {
			for _, x := range c.o.Refs {
				if x == r {
					return
				}
			}
		}
		c.o.Refs = append(c.o.Refs, r)
	}
	for i := range t.nodes {
		n := &t.nodes[i]
		name := t.text[n.nameStart:n.nameEnd]
		switch {
		case strings.HasSuffix(name, "_ref") && n.kind == kindString:
			if name != "created_by_ref" && name != "marking_ref" {
				add(name, int32(i))
			}
		case strings.HasSuffix(name, "_refs") && n.kind == kindArray && name != "object_marking_refs":
			for e := t.first(int32(i)); e != 0; e = t.nodes[e].next {
				add(name, e)
			}
		}
	}
}
