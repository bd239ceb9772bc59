package web

import (
	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
	"github.com/comity-net/comity/store"
)

// overviewPage is the node at a glance.
type overviewPage struct {
	frame
	S       node.Status
	Lines   []channelLine
	Imports []importLine
	Newest  []store.Version
	Audits  []auditLine // for administrators
	Bars    []bar
}

func (overviewPage) name() string { return "overview" }

// bar is one line of a count chart; Of is its length in per cent of the longest.
type bar struct {
	node.Count
	Of int64
}

func (w *Web) overview(r *request) (view, error) {
	s, err := w.node.Status(r.Context())
	if err != nil {
		return nil, err
	}
	v := &overviewPage{S: s, Bars: bars(s.Types, 8)}
	v.Title, v.Section = r.p.T(comity.Msg("web.nav.overview")), "overview"
	for _, c := range s.Channels {
		v.Lines = append(v.Lines, lineOf(c))
	}
	imports, err := w.node.Imports(r.Context(), "", 5)
	if err != nil {
		return nil, err
	}
	v.Imports = w.importLines(imports, r.now)
	if v.Newest, err = w.node.List(r.Context(), store.Query{Newest: true, Limit: 8}); err != nil {
		return nil, err
	}
	if rank(node.Role(r.user.Role)) >= rank(node.RoleAdmin) {
		audits, err := w.node.Audits(r.Context(), 0, 8)
		if err != nil {
			return nil, err
		}
		v.Audits = w.auditLines(r, audits)
	}
	return v, nil
}

// bars scales counts to the largest and sums what is beyond max.
func bars(counts []node.Count, limit int) []bar {
	var top int64 = 1
	for _, c := range counts {
		top = max(top, c.N)
	}
	var out []bar
	for i, c := range counts {
		if i == limit {
			break
		}
		out = append(out, bar{Count: c, Of: c.N * 100 / top})
	}
	return out
}
