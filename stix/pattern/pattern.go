package pattern

import "strconv"

// Pattern is one STIX pattern that was read. It does not change after Parse
// and may be used by several goroutines at once. The strings in it share the
// memory of the text that was parsed.
type Pattern struct {
	root Expr

	// The first comparison lies inside the pattern, so that a simple pattern
	// is one allocation.
	arg  [1]Expr
	test block
}

// block is one comparison with room for a usual path and one literal.
type block struct {
	Comparison
	steps  [2]Step
	values [1]Literal
}

// Root returns the outermost expression. The caller must not change it.
func (p *Pattern) Root() *Expr { return &p.root }

// Op is an operator, written as in the language.
//
// Between observation expressions: "AND", "OR", "FOLLOWEDBY". Around a
// comparison expression: "[]". Around an observation expression that has
// qualifiers and gets more from outside: "()". Between comparisons: "AND",
// "OR". In a comparison: "=", "!=", ">", "<", ">=", "<=", "IN", "LIKE",
// "MATCHES", "ISSUBSET", "ISSUPERSET", "EXISTS" ("==" and "<>" are read as "="
// and "!="). Of a qualifier: "WITHIN", "REPEATS", "START".
type Op string

const (
	opAnd      Op = "AND"
	opOr       Op = "OR"
	opFollowed Op = "FOLLOWEDBY"
	opObserve  Op = "[]"
	opGroup    Op = "()"

	opEqual        Op = "="
	opNotEqual     Op = "!="
	opGreater      Op = ">"
	opLess         Op = "<"
	opGreaterEqual Op = ">="
	opLessEqual    Op = "<="
	opIn           Op = "IN"
	opLike         Op = "LIKE"
	opMatches      Op = "MATCHES"
	opSubset       Op = "ISSUBSET"
	opSuperset     Op = "ISSUPERSET"
	opExists       Op = "EXISTS"

	opWithin  Op = "WITHIN"
	opRepeats Op = "REPEATS"
	opStart   Op = "START"
)

// Expr is a node of the pattern's tree. The root and all above "[]" are
// observation expressions; the one operand of "[]" and all below it are
// comparison expressions. A node with a Test is one comparison and has neither
// operator nor operands. Operators have two or more operands ("a AND b AND c"
// is one node); "[]" and "()" have one.
type Expr struct {
	Op         Op
	Args       []Expr
	Test       *Comparison
	Qualifiers []Qualifier // of an observation expression, innermost first
}

// Comparison is one test: Path Op Values, as in file:size > 1024. "EXISTS" has
// no value, "IN" any number, the others one. Not says that NOT stood before
// the operator. Pos is where it begins, in bytes from the start of the text.
type Comparison struct {
	Path   Path
	Op     Op
	Not    bool
	Values []Literal
	Pos    int
}

// Path is an object path (STIX 2.1, section 9.7): the type of the object that
// matching starts from, and the steps from there.
type Path struct {
	Type  string
	Steps []Step
}

// Step is one step of a path: to the property or key Name, or, where Name is
// empty, to the item Index of a list, counted from 0; -1 is "[*]", any item.
type Step struct {
	Name  string
	Index int
}

// Kind is the type of a literal (STIX 2.1, section 9.2): "string", "integer",
// "float", "boolean", "timestamp", "binary" or "hex".
type Kind string

const (
	kindString    Kind = "string"
	kindInteger   Kind = "integer"
	kindFloat     Kind = "float"
	kindBoolean   Kind = "boolean"
	kindTimestamp Kind = "timestamp"
	kindBinary    Kind = "binary"
	kindHex       Kind = "hex"
)

// Literal is one constant. Text is the value without quotes and escapes; of
// "binary" and "hex" the bytes that were meant; of numbers, timestamps and
// booleans the text as it came.
type Literal struct {
	Kind Kind
	Text string
}

// Qualifier restricts an observation expression (STIX 2.1, section 9.5.1). A is
// the number of "WITHIN" (seconds) and "REPEATS" (times) and the start of
// "START"; B is the stop of "START", exclusive.
type Qualifier struct {
	Op   Op
	A, B Literal
}

// Limits bound what reading and matching may take. A field that is zero or
// less has its default.
type Limits struct {
	Length      int   // bytes of a pattern's text; 256 KiB
	Depth       int   // parentheses inside each other; 64
	Comparisons int   // in one pattern; 10,000
	Set         int   // literals behind one IN; 50,000
	Expression  int   // states of the automata of all MATCHES of a pattern; 100,000
	Steps       int64 // work of one Match, about 10 ns each; 20,000,000
}

func (l Limits) withDefaults() Limits {
	if l.Length <= 0 {
		l.Length = 256 << 10
	}
	if l.Depth <= 0 {
		l.Depth = 64
	}
	if l.Comparisons <= 0 {
		l.Comparisons = 10_000
	}
	if l.Set <= 0 {
		l.Set = 50_000
	}
	if l.Expression <= 0 {
		l.Expression = 100_000
	}
	if l.Steps <= 0 {
		l.Steps = 20_000_000
	}
	return l
}

// Parse reads a pattern by the grammar and the rules of STIX 2.1, section 9.
// An error is of kind Invalid, or TooLarge when a limit is passed; its message
// says line, column and byte, what was found and what was expected.
func Parse(text string, lim Limits) (*Pattern, error) { return parse(text, lim, false) }

// ParseLenient reads like Parse and accepts besides what is common elsewhere
// and can mean only one thing: names with a hyphen and no quotes, keywords in
// any case, a backslash before any other character, a plus sign, START and
// STOP with plain strings as in STIX 2.0, sets of mixed types, and AND between
// comparisons that start from different types (which never match). String
// writes the result as STIX 2.1 wants it, but for the last two, which 2.1
// cannot say.
func ParseLenient(text string, lim Limits) (*Pattern, error) { return parse(text, lim, true) }

// isName reports whether a property name needs no quotes.
func isName(s string) bool {
	if s == "" || s[0] >= '0' && s[0] <= '9' || isKeyword(s) {
		return false
	}
	for i := 0; i < len(s); i++ {
		if !isWordByte(s[i]) || s[i] == '-' {
			return false
		}
	}
	return true
}

// isKeyword reports whether s is a reserved word of the language.
func isKeyword(s string) bool {
	switch s {
	case "AND", "OR", "NOT", "FOLLOWEDBY", "IN", "LIKE", "MATCHES", "ISSUBSET", "ISSUPERSET",
		"EXISTS", "WITHIN", "SECONDS", "REPEATS", "TIMES", "START", "STOP", "LAST", "true", "false":
		return true
	}
	return false
}

func isWordByte(c byte) bool { return wordBytes[c] }

// wordBytes marks the bytes of unquoted names.
var wordBytes = [256]bool{
	'-': true, '_': true, '0': true, '1': true, '2': true, '3': true, '4': true, '5': true, '6': true, '7': true,
	'8': true, '9': true, 'A': true, 'B': true, 'C': true, 'D': true, 'E': true, 'F': true, 'G': true, 'H': true,
	'I': true, 'J': true, 'K': true, 'L': true, 'M': true, 'N': true, 'O': true, 'P': true, 'Q': true, 'R': true,
	'S': true, 'T': true, 'U': true, 'V': true, 'W': true, 'X': true, 'Y': true, 'Z': true, 'a': true, 'b': true,
	'c': true, 'd': true, 'e': true, 'f': true, 'g': true, 'h': true, 'i': true, 'j': true, 'k': true, 'l': true,
	'm': true, 'n': true, 'o': true, 'p': true, 'q': true, 'r': true, 's': true, 't': true, 'u': true, 'v': true,
	'w': true, 'x': true, 'y': true, 'z': true,
}

// indexText writes a list index.
func indexText(i int) string {
	if i < 0 {
		return "*"
	}
	return strconv.Itoa(i)
}
