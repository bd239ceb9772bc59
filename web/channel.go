package web

import (
	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

// channelLine is a channel with its state in one sentence.
type channelLine struct {
	node.ChannelView
	Class string // "ok", "wait", "bad": colour and sign
	Msg   comity.Message
}

// lineOf says how a channel stands: a fault, what still waits, or that all is well.
func lineOf(c node.ChannelView) channelLine {
	n := comity.A("n", c.Head.Size)
	l := channelLine{ChannelView: c, Class: "ok"}
	switch {
	case !c.Fault.IsZero():
		l.Class, l.Msg = "bad", c.Fault
	case c.Head.Size == 0 && c.Own:
		l.Class, l.Msg = "quiet", comity.Msg("web.channel.own_empty")
	case c.Head.Size == 0:
		l.Class, l.Msg = "quiet", comity.Msg("web.channel.theirs_empty", comity.A("name", c.PublisherName))
	case c.Own && c.SignedSize < c.Head.Size:
		l.Class, l.Msg = "wait", comity.Msg("web.channel.unsigned", comity.A("n", c.Head.Size-c.SignedSize))
	case c.Own && c.Receipted < len(c.Readers):
		l.Class, l.Msg = "wait", comity.Msg("web.channel.own_waiting", n, comity.A("have", c.Receipted), comity.A("of", len(c.Readers)))
	case c.Own:
		l.Msg = comity.Msg("web.channel.own_ok", n)
	default:
		l.Msg = comity.Msg("web.channel.theirs_ok", n, comity.A("name", c.PublisherName))
	}
	return l
}

// ledgerPage lists the channels.
type ledgerPage struct {
	frame
	Lines   []channelLine
	Faults  int
	Entries int64
}

func (ledgerPage) name() string { return "ledger" }

func (w *Web) ledgerList(r *request) (view, error) {
	list, err := w.node.Channels(r.Context())
	if err != nil {
		return nil, err
	}
	v := &ledgerPage{}
	v.Title, v.Section = r.p.T(comity.Msg("web.nav.ledger")), "ledger"
	for _, c := range list {
		l := lineOf(c)
		if l.Class == "bad" {
			v.Faults++
		}
		v.Entries += c.Head.Size
		v.Lines = append(v.Lines, l)
	}
	return v, nil
}

// entriesPerPage is how many entries one page of a channel shows.
const entriesPerPage = 50

// channelPage shows one channel's entries, receipts and checkpoint.
type channelPage struct {
	frame
	Line       channelLine
	Entries    []node.EntryView // newest first
	From       int64            // index of the oldest shown
	Older      int64            // From of the older page; -1 when there is none
	Newer      int64
	Checkpoint string
	Root       string
}

func (channelPage) name() string { return "channel" }

func (w *Web) channelShow(r *request) (view, error) {
	c, err := w.node.Channel(r.Context(), r.PathValue("channel"))
	if err != nil {
		return nil, err
	}
	from := max(0, c.Head.Size-entriesPerPage)
	if q := r.URL.Query().Get("from"); q != "" {
		from = min(parseInt(q), max(0, c.Head.Size-1))
	}
	entries, err := w.node.Entries(r.Context(), c.ID, from, entriesPerPage)
	if err != nil {
		return nil, err
	}
	v := &channelPage{Line: lineOf(c), From: from, Older: -1, Newer: -1, Checkpoint: string(c.Checkpoint), Root: hexHash(c.Head.Root)}
	for i := len(entries) - 1; i >= 0; i-- {
		v.Entries = append(v.Entries, entries[i])
	}
	if from > 0 {
		v.Older = max(0, from-entriesPerPage)
	}
	if from+entriesPerPage < c.Head.Size {
		v.Newer = from + entriesPerPage
	}
	v.Title, v.Section = titleOf(r, c), "ledger"
	v.Crumbs = []crumb{{r.p.T(comity.Msg("web.nav.ledger")), "/ledger"}}
	return v, nil
}

// titleOf names a channel for people: stream and agreement.
func titleOf(r *request, c node.ChannelView) string {
	return r.p.T(comity.Msg("web.channel.title", comity.A("stream", c.Stream), comity.A("publisher", c.PublisherName)))
}

// verifyPage is the report of "verify now", in plain words.
type verifyPage struct {
	frame
	Reports []node.VerifyReport
	Bad     int
	Entries int64
	Channel string // "" for all
}

func (verifyPage) name() string { return "verify" }

func (w *Web) ledgerVerify(r *request) (view, error) {
	id := r.PathValue("channel")
	reports, err := w.node.Verify(r.Context(), r.actor(), id, nil)
	if err != nil && len(reports) == 0 {
		return nil, err
	}
	v := &verifyPage{Reports: reports, Channel: id}
	for _, rep := range reports {
		v.Entries += rep.Entries
		if !rep.OK {
			v.Bad++
		}
	}
	v.Title, v.Section, v.Here = r.p.T(comity.Msg("web.verify.title")), "ledger", "/ledger"
	if id != "" {
		v.Here = "/ledger/" + escapePath(id)
	}
	v.Crumbs = []crumb{{r.p.T(comity.Msg("web.nav.ledger")), "/ledger"}}
	return v, nil
}
