package pattern

import (
	"strings"

	"github.com/comity-net/comity"
	"golang.org/x/text/unicode/norm"
)

// budget is the work that one Match may still do. Below zero everything stops,
// and the result is an error and no verdict.
type budget struct{ left int64 }

// spend takes n steps and reports whether there were as many.
func (b *budget) spend(n int64) bool {
	b.left -= n
	return b.left >= 0
}

// scene is one observation while it is looked at.
type scene struct {
	objects map[comity.ObjectID]map[string]any
	budget  *budget
}

// satisfies reports whether the object satisfies the expression. All of it
// starts from this one object (STIX 2.1, section 9.5).
func (t *condTree) satisfies(s *scene, typ string, object map[string]any) bool {
	if t.cond != nil {
		return t.cond.root == typ && s.budget.spend(4) && t.cond.holds(s, object)
	}
	for i := range t.args {
		if t.args[i].satisfies(s, typ, object) != t.and {
			return !t.and
		}
	}
	return t.and
}

// holds evaluates one comparison. NOT turns the result of the whole comparison;
// but where the path leads to nothing it is false either way (section 9.6). The
// exception is EXISTS, which asks just that.
func (d *cond) holds(s *scene, object map[string]any) bool {
	present := false
	found := s.walk(object, d.steps, "", func(v any) bool {
		present = true
		return d.test(s, v)
	})
	if d.op == opExists {
		return present != d.not
	}
	return present && found != d.not && s.budget.left >= 0
}

// walk calls visit with each value that the steps lead to, until one call
// returns true; that is the result. ref is the name of the property that v came
// from: if it ends in _ref or _refs, a text is the id of the object to go on in.
func (s *scene) walk(v any, steps []Step, ref string, visit func(any) bool) bool {
	for i, step := range steps {
		if !s.budget.spend(1) {
			return false
		}
		if step.Name == "" {
			list, ok := v.([]any)
			if !ok {
				return false
			}
			if step.Index < 0 {
				for _, item := range list {
					if s.walk(item, steps[i+1:], ref, visit) {
						return true
					}
				}
				return false
			}
			if step.Index >= len(list) {
				return false
			}
			v = list[step.Index]
			continue
		}
		if id, ok := v.(string); ok && (strings.HasSuffix(ref, "_ref") || strings.HasSuffix(ref, "_refs")) {
			v = s.objects[comity.ObjectID(id)]
		}
		m, ok := v.(map[string]any)
		if !ok {
			return false
		}
		if v, ok = m[step.Name]; !ok {
			return false
		}
		ref = step.Name
	}
	return visit(v)
}

// test compares one value, before NOT.
func (d *cond) test(s *scene, v any) bool {
	switch d.op {
	case opExists:
		return true
	case opLike, opMatches:
		text, ok := d.readable(s, v)
		if !ok {
			return false
		}
		if d.op == opLike {
			return like(d.like, text, s.budget)
		}
		return d.search.find(text, s.budget)
	case opSubset, opSuperset:
		return d.contains(v)
	case opIn:
		return d.in(s, v)
	}
	order, ok := d.compare(v, &d.consts[0])
	if text, is := v.(string); is {
		s.budget.spend(int64(len(text)) / 32)
	}
	switch d.op {
	case opEqual:
		return ok && order == 0
	case opNotEqual:
		return !ok || order != 0
	case opLess:
		return ok && order < 0
	case opLessEqual:
		return ok && order <= 0
	case opGreater:
		return ok && order > 0
	case opGreaterEqual:
		return ok && order >= 0
	}
	return false
}

func (d *cond) in(s *scene, v any) bool {
	if d.set != nil {
		text, ok := v.(string)
		return ok && d.set[text]
	}
	cost := int64(1)
	if text, ok := v.(string); ok && d.binary {
		cost += int64(len(text)) / 32
	}
	for i := range d.consts {
		if !s.budget.spend(cost) {
			return false
		}
		if order, ok := d.compare(v, &d.consts[i]); ok && order == 0 {
			return true
		}
	}
	return false
}

// readable returns the value as text to search in: strings in NFC; bytes as
// the code points of the same numbers.
func (d *cond) readable(s *scene, v any) (string, bool) {
	text, ok := v.(string)
	if !ok || !s.budget.spend(int64(len(text))/16) {
		return "", false
	}
	if !d.binary {
		return norm.NFC.String(text), true
	}
	b, ok := d.decoded(text)
	return fromLatin1(b), ok
}

// contains evaluates ISSUBSET and ISSUPERSET.
func (d *cond) contains(v any) bool {
	text, ok := v.(string)
	if !ok || !d.net.ok {
		return false
	}
	n, ok := network(text)
	if !ok {
		return false
	}
	inner, outer := n, d.net.Prefix
	if d.op == opSuperset {
		inner, outer = outer, inner
	}
	return inner.Bits() >= outer.Bits() && outer.Contains(inner.Addr())
}
