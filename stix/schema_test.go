package stix

import "testing"

// Every word of the tables is known, and every type has its place.
func TestTables(t *testing.T) {
	if len(types) != 42 {
		t.Errorf("%d types, want 19 domain, 2 relationship, 18 observable and 3 meta objects", len(types))
	}
	check := func(typ string, ps map[string]*prop) {
		for name, p := range ps {
			if p.form == formUnknown {
				t.Errorf("%s: %s has a form that is no word of the table", typ, name)
			}
		}
	}
	check("common", commonProps)
	for name, s := range parts {
		check(name, s.props)
	}
	for name, host := range extensionHost {
		if parts[name] == nil || types[host] == nil {
			t.Errorf("%s of %s is in no table", name, host)
		}
	}
	for r := range relations {
		if types[r.source] == nil || types[r.target] == nil {
			t.Errorf("%v joins no types", r)
		}
	}
	for name, s := range types {
		check(name, s.props)
		for prop, p := range s.props {
			if p.to == nil {
				continue
			}
			for typ := range p.to.types {
				if types[typ] == nil {
					t.Errorf("%s.%s leads to %s, which is no type", name, prop, typ)
				}
			}
		}
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
