package pattern

// types is a set of object types: one, or many. It tells what can satisfy a
// comparison expression, so that an AND that nothing can is found (STIX 2.1,
// section 9.5). The set on the left of an operation is used up.
type types struct {
	one  string
	many map[string]bool // when it is not nil, one says nothing
}

func (t types) none() bool { return t.many != nil && len(t.many) == 0 }

func (t types) has(name string) bool {
	if t.many == nil {
		return t.one == name
	}
	return t.many[name]
}

func (t types) or(u types) types {
	if t.many == nil && u.many == nil && t.one == u.one {
		return t
	}
	if t.many == nil {
		t.many = map[string]bool{t.one: true}
	}
	if u.many == nil {
		t.many[u.one] = true
	}
	for name := range u.many {
		t.many[name] = true
	}
	return t
}

func (t types) and(u types) types {
	if t.many == nil {
		if u.has(t.one) {
			return t
		}
		return types{many: map[string]bool{}}
	}
	for name := range t.many {
		if !u.has(name) {
			delete(t.many, name)
		}
	}
	return t
}
