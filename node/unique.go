package node

import (
	"strings"

	"github.com/comity-net/comity"
)

// unique finds the one element that has a name equal to, or beginning with,
// what was asked. Exact matches win over beginnings; two exact ones are
// ambiguous, for a stranger can introduce itself under any name.
func unique[T any](all []T, op, asked string, names func(T) []string) (T, error) {
	var exact, begin []T
	for _, v := range all {
		switch closeness(names(v), asked) {
		case 2:
			exact = append(exact, v)
		case 1:
			begin = append(begin, v)
		}
	}
	if len(exact) == 0 {
		exact = begin
	}
	var none T
	switch len(exact) {
	case 1:
		return exact[0], nil
	case 0:
		return none, comity.E(comity.NotFound, op, asked, comity.Msg("node."+op+"_unknown", comity.A("asked", asked)), nil)
	}
	return none, comity.E(comity.Usage, op, asked, comity.Msg("node.ambiguous", comity.A("asked", asked), comity.A("n", len(exact))), nil)
}

// closeness is 2 for an equal name, 1 for a beginning of at least four
// characters, else 0.
func closeness(names []string, asked string) int {
	best := 0
	for _, name := range names {
		switch {
		case strings.EqualFold(name, asked):
			return 2
		case len(asked) >= 4 && len(name) > len(asked) && strings.EqualFold(name[:len(asked)], asked):
			best = 1
		}
	}
	return best
}
