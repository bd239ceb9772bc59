package web

import (
	"github.com/comity-net/comity"
	"github.com/comity-net/comity/i18n"
)

// AgreementText writes every clause of an agreement as the pages show it: a
// heading for each stream and one for all of them, and the sentences under it,
// indented by two spaces. The command line prints the same before it signs.
func AgreementText(p i18n.Printer, a comity.Agreement) []string {
	var out []string
	for _, c := range clausesOf(p, a) {
		out = append(out, c.Heading)
		for _, s := range c.Sentences {
			out = append(out, "  "+s)
		}
	}
	return out
}
