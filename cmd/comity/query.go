package main

import (
	"context"
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

// knownQuery fails for a type that nobody knows and for an import that does not
// exist: an empty answer would hide a slip of the pen.
func knownQuery(ctx context.Context, n *node.Node, op string, q *node.ShareQuery) error {
	if q == nil {
		return nil
	}
	for _, t := range q.Types {
		ok, err := n.KnowsType(ctx, t)
		if err != nil {
			return err
		}
		if !ok {
			return comity.E(comity.NotFound, op, t, comity.Msg("cmd.query.type", comity.A("type", t)), nil).
				WithHint(comity.Msg("cmd.usage.query_hint"))
		}
	}
	if q.Import == "" {
		return nil
	}
	im, err := n.ImportByID(ctx, string(q.Import))
	q.Import = im.ID
	return err
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
