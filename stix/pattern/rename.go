package pattern

// Rename returns the pattern with other names for properties: name is asked
// for the first step of each object path, with the type that it starts from,
// and gives the name it shall have. Where none differs it returns p.
func (p *Pattern) Rename(name func(typ, property string) string) *Pattern {
	changed := false
	root := renamed(&p.root, func(typ, property string) string {
		to := name(typ, property)
		changed = changed || to != property
		return to
	})
	if !changed {
		return p
	}
	return &Pattern{root: root}
}

// renamed copies an expression; its depth is that of the pattern, which Parse
// bounds.
func renamed(x *Expr, name func(typ, property string) string) Expr {
	out := *x
	if x.Test != nil {
		test := *x.Test
		test.Path.Steps = append([]Step(nil), x.Test.Path.Steps...)
		if len(test.Path.Steps) > 0 {
			test.Path.Steps[0].Name = name(test.Path.Type, test.Path.Steps[0].Name)
		}
		out.Test = &test
	}
	if len(x.Args) > 0 {
		out.Args = make([]Expr, len(x.Args))
		for i := range x.Args {
			out.Args[i] = renamed(&x.Args[i], name)
		}
	}
	return out
}
