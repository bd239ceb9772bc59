package main

import (
	"strings"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

// parseQuery reads the words of --query: "all", "type:indicator,malware",
// "collection:NAME", "import:ID"; several words narrow each other.
func parseQuery(s string) (*node.ShareQuery, error) {
	q := &node.ShareQuery{}
	bad := func(w string) error {
		return comity.E(comity.Usage, "query", s, comity.Msg("cmd.usage.query", comity.A("word", w)), nil).
			WithHint(comity.Msg("cmd.usage.query_hint"))
	}
	words := strings.Fields(s)
	if len(words) == 0 {
		return nil, bad("")
	}
	for _, w := range words {
		name, value, _ := strings.Cut(w, ":")
		switch {
		case w == "all":
			q.All = true
		case value == "":
			return nil, bad(w)
		case name == "type":
			q.Types = append(q.Types, strings.Split(value, ",")...)
		case name == "collection":
			q.Collection = value
		case name == "import":
			q.Import = comity.ImportID(value)
		default:
			return nil, bad(w)
		}
	}
	return q, nil
}

// selection reads what IDs and --query select: exactly one of both.
func selection(op string, args []string, query string) ([]comity.ObjectID, *node.ShareQuery, error) {
	if (len(args) == 0) == (query == "") {
		return nil, nil, comity.E(comity.Usage, op, "", comity.Msg("cmd.usage.id_or_query"), nil)
	}
	if query != "" {
		q, err := parseQuery(query)
		return nil, q, err
	}
	ids := make([]comity.ObjectID, len(args))
	for i, s := range args {
		ids[i] = comity.ObjectID(s)
	}
	return ids, nil, nil
}
