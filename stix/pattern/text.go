package pattern

import (
	"errors"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"

	"github.com/comity-net/comity"
	"golang.org/x/text/unicode/norm"
)

// like matches the whole text; % is any number of characters, _ is one.
func like(pattern []rune, text string, b *budget) bool {
	// On a mismatch only the last % needs another try: what came before it has
	// matched as early as it could.
	i, j := 0, 0
	again, from := -1, 0
	for j < len(text) {
		if !b.spend(1) {
			return false
		}
		r, n := utf8.DecodeRuneInString(text[j:])
		switch {
		case i < len(pattern) && pattern[i] == '%':
			again, from = i, j
			i++
		case i < len(pattern) && (pattern[i] == '_' || pattern[i] == r):
			i++
			j += n
		case again >= 0:
			_, skip := utf8.DecodeRuneInString(text[from:])
			from += skip
			i, j = again+1, from
		default:
			return false
		}
	}
	for i < len(pattern) && pattern[i] == '%' {
		i++
	}
	return i == len(pattern)
}

// search is the expression of MATCHES and what a character costs it.
type search struct {
	re   *regexp.Regexp
	cost int64
}

func (s *search) find(text string, b *budget) bool {
	return b.spend(int64(len(text))*s.cost/8+1) && s.re.MatchString(text)
}

// search compiles the expression of MATCHES: it may match anywhere, and "."
// also matches the end of a line (STIX 2.1, section 9.6.1).
func (c *compiler) search(t *Comparison) *search {
	s := new(search)
	if c.err != nil {
		return s
	}
	text := norm.NFC.String(t.Values[0].Text)
	tree, err := syntax.Parse(text, syntax.Perl|syntax.DotNL)
	if err != nil {
		c.err = expressionError(t, err)
		return s
	}
	endings(tree)
	size := states(tree)
	if c.left -= size; c.left < 0 {
		c.err = comity.E(comity.TooLarge, "compile", "pattern", comity.Msg("pattern.expression_size",
			comity.A("offset", t.Pos), comity.A("limit", c.prog.lim.Expression)), nil)
		return s
	}
	if s.re, err = regexp.Compile(tree.String()); err != nil {
		c.err = expressionError(t, err)
		return s
	}
	s.cost = int64(min(size, 1<<20)) + 1
	return s
}

func expressionError(t *Comparison, err error) error {
	key, piece := "pattern.expression", clip(t.Values[0].Text)
	var se *syntax.Error
	if errors.As(err, &se) {
		if se.Expr != "" {
			piece = clip(se.Expr)
		}
		switch se.Code {
		case syntax.ErrInvalidPerlOp, syntax.ErrInvalidRepeatOp, syntax.ErrInvalidRepeatSize, syntax.ErrInvalidEscape:
			key = "pattern.expression_unsupported"
		case syntax.ErrLarge, syntax.ErrNestingDepth:
			key = "pattern.expression_unsupported"
		case syntax.ErrInvalidNamedCapture: // what look-behind is taken for
			if strings.HasPrefix(se.Expr, "(?<!") || strings.HasPrefix(se.Expr, "(?<=") {
				key = "pattern.expression_unsupported"
			}
		}
	}
	return comity.E(comity.Invalid, "compile", "pattern",
		comity.Msg(key, comity.A("offset", t.Pos), comity.A("piece", "“"+piece+"”")), err)
}

// endings lets $ match before a line feed that ends the text, as PCRE does.
func endings(re *syntax.Regexp) {
	if re.Op == syntax.OpEndText && re.Flags&syntax.WasDollar != 0 {
		end := &syntax.Regexp{Op: syntax.OpEndText}
		feed := &syntax.Regexp{Op: syntax.OpLiteral, Rune: []rune{'\n'}}
		maybe := &syntax.Regexp{Op: syntax.OpQuest, Sub: []*syntax.Regexp{feed}}
		*re = syntax.Regexp{Op: syntax.OpConcat, Sub: []*syntax.Regexp{maybe, end}}
		return
	}
	for _, sub := range re.Sub {
		endings(sub)
	}
}

// states estimates how many states the automaton of an expression has.
func states(re *syntax.Regexp) int {
	const most = 1 << 30
	n := 1 + len(re.Rune)
	if re.Op == syntax.OpCharClass {
		n = 1 + len(re.Rune)/8
	}
	for _, sub := range re.Sub {
		n = min(n+states(sub), most)
	}
	if re.Op == syntax.OpRepeat {
		n = min(n*max(re.Min, re.Max, 1), most)
	}
	return n
}
