package taxii

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/stix"
)

// The bounds of a query string.
const (
	maxQuery  = 64 << 10 // bytes
	maxValues = 1000     // values of one match field
	maxValue  = 1024     // bytes of one value
)

// fields says which parameters an endpoint understands; others are ignored, as
// section 3.4 allows.
type fields struct{ page, id, typ, version bool }

// ask is a parsed query string.
type ask struct {
	filter   Filter
	limit    int // 0 for none given
	next     string
	narrowed bool // something besides the object's id was asked for
}

func parseQuery(raw string, f fields, strict bool) (ask, error) {
	if len(raw) > maxQuery {
		return ask{}, refuse(http.StatusRequestURITooLong, comity.Msg("taxii.query_long", comity.A("limit", maxQuery)))
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return ask{}, refuse(http.StatusBadRequest, comity.Msg("taxii.query"))
	}
	var a ask
	for name, v := range values {
		if err := a.take(name, v, f, strict); err != nil {
			return ask{}, err
		}
	}
	return a, nil
}

func (a *ask) take(name string, values []string, f fields, strict bool) error {
	field, match := strings.CutPrefix(name, "match[")
	if match {
		field, match = strings.CutSuffix(field, "]")
	}
	known := match && (field == "spec_version" || field == "id" && f.id || field == "type" && f.typ || field == "version" && f.version) ||
		f.page && (name == "added_after" || name == "limit" || name == "next")
	if !known {
		if strict && strings.HasPrefix(name, "match[") {
			return refuse(http.StatusBadRequest, comity.Msg("taxii.match_unknown", comity.A("name", clip(name))))
		}
		return nil
	}
	if len(values) > 1 {
		return refuse(http.StatusBadRequest, comity.Msg("taxii.twice", comity.A("name", name)))
	}
	if match {
		return a.match(field, values[0])
	}
	return a.plain(name, values[0])
}

func (a *ask) plain(name, value string) error {
	if value == "" && name != "limit" {
		return nil // first polls of simple clients send an empty added_after or next
	}
	bad := func(key string) error {
		return refuse(http.StatusBadRequest, comity.Msg(key, comity.A("value", clip(value))))
	}
	switch name {
	case "added_after":
		t, ok := ParseTime(value)
		if !ok {
			return bad("taxii.added_after")
		}
		a.filter.AddedAfter, a.narrowed = t.Truncate(time.Microsecond), true
	case "limit":
		n, ok := positive(value)
		if !ok {
			return bad("taxii.limit")
		}
		a.limit = n
	case "next":
		a.next, a.narrowed = value, true
	}
	return nil
}

// positive reads a positive integer; one too long for an int is clamped.
func positive(s string) (int, bool) {
	if s == "" || len(s) > 64 || strings.Trim(s, "0123456789") != "" || strings.Trim(s, "0") == "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return 1<<31 - 1, true
	}
	return min(n, 1<<31-1), true
}

func (a *ask) match(field, value string) error {
	parts, err := values(field, value)
	if err != nil {
		return err
	}
	switch field {
	case "id":
		for _, p := range parts {
			a.filter.IDs = append(a.filter.IDs, comity.ObjectID(p))
		}
	case "type":
		a.filter.Types = parts
	case "spec_version":
		a.narrowed = true
		for _, p := range parts {
			if major, minor, ok := strings.Cut(p, "."); !ok || !digits(major) || !digits(minor) {
				return refuse(http.StatusBadRequest, comity.Msg("taxii.spec_version", comity.A("value", clip(p))))
			}
		}
		a.filter.SpecVersions = parts
	case "version":
		a.narrowed = true
		return a.versions(parts)
	}
	return nil
}

func digits(s string) bool {
	return s != "" && len(s) < 4 && strings.Trim(s, "0123456789") == ""
}

// values splits a match value at commas, sorted and without duplicates.
func values(field, value string) ([]string, error) {
	var parts []string
	for p := range strings.SplitSeq(value, ",") {
		if p = strings.TrimSpace(p); p == "" {
			continue
		}
		if len(p) > maxValue || len(parts) == maxValues {
			return nil, refuse(http.StatusBadRequest, comity.Msg("taxii.match_many", comity.A("name", field), comity.A("limit", maxValues)))
		}
		parts = append(parts, p)
	}
	if parts == nil {
		return nil, refuse(http.StatusBadRequest, comity.Msg("taxii.match_empty", comity.A("name", field)))
	}
	slices.Sort(parts)
	if field == "version" {
		return parts, nil // a duplicate there is an error
	}
	return slices.Compact(parts), nil
}

// versions reads match[version]: each keyword and time at most once, and "all"
// only alone (section 3.4.1).
func (a *ask) versions(parts []string) error {
	v := &a.filter.Versions
	bad := func(p string) error {
		return refuse(http.StatusBadRequest, comity.Msg("taxii.version", comity.A("value", clip(p))))
	}
	for i, p := range parts {
		if i > 0 && p == parts[i-1] {
			return bad(p)
		}
		switch p {
		case "all":
			v.All = true
		case "first":
			v.First = true
		case "last":
			v.Last = true
		default:
			t, ok := stix.ParseTime(p)
			if !ok {
				return bad(p)
			}
			v.At = append(v.At, t)
		}
	}
	if v.All && len(parts) > 1 {
		return bad("all")
	}
	return nil
}

func clip(s string) string {
	if len(s) > 100 {
		return strings.ToValidUTF8(s[:100], "") + "…"
	}
	return strings.ToValidUTF8(s, "\ufffd")
}
