package web

import (
	"strings"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

// findPage is the paste box and its answer.
type findPage struct {
	frame
	Text     string // what was asked, as far as it is shown again
	Result   *node.FindResult
	Known    []node.FoundValue
	Unknown  []node.FoundValue
	LookedUp int  // values looked up, when that is not all of them; else 0
	NoWords  bool // the text is too long to be searched for its words
	Asking   int  // characters up to which it is
}

func (findPage) name() string { return "find" }

// shownAgain bounds how much of a paste stands in the box of the answer.
const shownAgain = 20_000

// TextsCut reports whether more objects may mention what was asked.
func (p *findPage) TextsCut() bool { return p.Result != nil && len(p.Result.Text) >= node.MaxFindTexts }

// maxFind is the largest text that is looked through.
const maxFind = 5 << 20

func (w *Web) find(r *request) (view, error) {
	if err := r.form(); err != nil {
		return nil, err
	}
	text := strings.TrimSpace(r.FormValue("q"))
	v := &findPage{Text: text}
	v.Title, v.Section, v.Here = r.p.T(comity.Msg("web.nav.find")), "find", "/find"
	if len(text) > maxFind {
		return nil, comity.E(comity.TooLarge, "find", "", comity.Msg("web.body_too_large", comity.A("max", r.p.Bytes(maxFind))), nil)
	}
	if len(text) > shownAgain {
		v.Text = strings.ToValidUTF8(text[:shownAgain], "") + "…"
	}
	if text == "" {
		return v, nil
	}
	if len(text) < 500 {
		v.Here, v.Asked = "/find?q="+escapeQuery(text), text
	}
	res, err := w.node.Find(r.Context(), text)
	if err != nil {
		r.problem = err
		return v, nil
	}
	v.Result = &res
	v.Asking, v.NoWords = node.MaxFindWords, len(text) > node.MaxFindWords && len(res.NotValues) == 0
	if res.Found >= node.MaxFindValues {
		v.LookedUp = node.MaxFindValues - 1
	}
	for _, f := range res.Values {
		if len(f.Hits) > 0 {
			v.Known = append(v.Known, f)
		} else {
			v.Unknown = append(v.Unknown, f)
		}
	}
	return v, nil
}
