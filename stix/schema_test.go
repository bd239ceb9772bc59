package stix

import "testing"

// Every word of the tables is known, and every type has its place.
func TestTables(t *testing.T) {
	if len(types) != 42 {
		t.Errorf("%d types, want 19 domain, 2 relationship, 18 observable and 3 meta objects", len(types))
	}
	check := func(typ string, ps map[string]prop) {
		for name, p := range ps {
			if p.form == formUnknown {
				t.Errorf("%s: %s has a form that is no word of the table", typ, name)
			}
		}
	}
	check("common", commonProps)
	for name, s := range types {
		check(name, s.props)
		if s.class == classCustom || s.section == "" {
			t.Errorf("%s: class %d, section %q", name, s.class, s.section)
		}
		for _, c := range contributing[name] {
			if _, ok := s.props[c]; !ok && c != "extensions" {
				t.Errorf("%s: contributing property %s is none of its own", name, c)
			}
		}
		for _, c := range atLeastOne[name] {
			if _, ok := s.props[c]; !ok && c != "extensions" {
				t.Errorf("%s: property %s is none of its own", name, c)
			}
		}
	}
	for name := range contributing {
		if types[name] == nil || types[name].class != classSCO {
			t.Errorf("%s is no observable", name)
		}
	}
}
