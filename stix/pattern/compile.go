package pattern

import (
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Program is a pattern made ready to match. It does not change and may be used
// by several goroutines at once.
type Program struct {
	leaves []condTree // the "[…]" of the pattern
	root   *plan
	lim    Limits
}

// Result says whether a pattern matched, and by which observations: their
// indexes in what was given to Match, in order and once each. It is one set of
// perhaps many.
type Result struct {
	Matched      bool
	Observations []int
}

// Compile makes the pattern ready to match. An error is of kind Invalid when an
// expression of MATCHES is wrong or needs what linear time does not allow
// (look-around, back-references, possessive and atomic groups), and TooLarge
// when the expressions together pass lim.Expression.
func Compile(p *Pattern, lim Limits) (*Program, error) {
	c := compiler{prog: &Program{lim: lim.withDefaults()}}
	c.left = c.prog.lim.Expression
	c.prog.root = c.plan(&p.root)
	return c.prog, c.err
}

// Match compiles the pattern and matches it once. See Program.Match.
func (p *Pattern) Match(observations []Observation, lim Limits) (Result, error) {
	prog, err := Compile(p, lim)
	if err != nil {
		return Result{}, err
	}
	return prog.Match(observations)
}

type compiler struct {
	prog *Program
	left int // states that expressions may still take
	err  error
}

// condTree is a comparison expression: one condition, or the operands of AND
// or OR.
type condTree struct {
	and  bool
	args []condTree
	cond *cond
}

// cond is one comparison with its constants made ready.
type cond struct {
	root   string
	steps  []Step
	op     Op
	not    bool
	binary bool // the property holds bytes in base64 ("_bin") or hex ("_hex")
	hex    bool
	consts []constant
	set    map[string]bool // of IN with many strings
	like   []rune
	search *search
	net    prefix
}

// tree compiles a comparison expression.
func (c *compiler) tree(e *Expr) condTree {
	if e.Test != nil {
		return condTree{cond: c.cond(e.Test)}
	}
	t := condTree{and: e.Op == opAnd, args: make([]condTree, len(e.Args))}
	for i := range e.Args {
		t.args[i] = c.tree(&e.Args[i])
	}
	return t
}

func (c *compiler) cond(t *Comparison) *cond {
	d := &cond{root: t.Path.Type, steps: t.Path.Steps, op: t.Op, not: t.Not}
	for i := len(d.steps) - 1; i >= 0; i-- {
		if name := d.steps[i].Name; name != "" {
			d.hex = strings.HasSuffix(name, "_hex")
			d.binary = d.hex || strings.HasSuffix(name, "_bin")
			break
		}
	}
	switch t.Op {
	case opLike:
		d.like = []rune(norm.NFC.String(t.Values[0].Text))
	case opMatches:
		d.search = c.search(t)
	case opSubset, opSuperset:
		d.net.Prefix, d.net.ok = network(t.Values[0].Text)
	default:
		d.consts = make([]constant, len(t.Values))
		for i, l := range t.Values {
			d.consts[i] = constantOf(l)
		}
		d.set = setOf(t, d.binary)
	}
	return d
}

// setOf makes a table of the strings of a long IN; nil where none is needed.
func setOf(t *Comparison, binary bool) map[string]bool {
	const few = 8
	if t.Op != opIn || len(t.Values) <= few || binary {
		return nil
	}
	set := make(map[string]bool, len(t.Values))
	for _, l := range t.Values {
		if l.Kind != kindString {
			return nil
		}
		set[l.Text] = true
	}
	return set
}
