package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

// meter shows how far a long piece of work has come: a line redrawn at most
// ten times a second on a terminal, a plain line every ten seconds elsewhere,
// an event a second with --json; nothing with --quiet. It is called from one
// goroutine at a time.
type meter struct {
	a     *app
	what  string // message key: what is being done
	every time.Duration
	tty   bool
	last  time.Time
	drawn bool
}

func (a *app) meter(what string) *meter {
	m := &meter{a: a, what: what, every: 10 * time.Second, last: time.Now()}
	_, m.tty = terminal(a.err)
	switch {
	case a.json:
		m.every, m.tty = time.Second, false
	case m.tty:
		m.every = 100 * time.Millisecond
	}
	return m
}

// event is a progress event as --json prints it on standard error.
type event struct {
	Event      string  `json:"event"` // "progress"
	What       string  `json:"what"`
	Bytes      int64   `json:"bytes"`
	TotalBytes int64   `json:"total_bytes,omitempty"`
	Done       int64   `json:"done"`
	Total      int64   `json:"total,omitempty"`
	Refused    int64   `json:"refused,omitempty"`
	Rate       float64 `json:"per_second"`
	Left       float64 `json:"seconds_left,omitempty"`
}

// update is the callback for the use cases.
func (m *meter) update(p node.Progress) {
	now := time.Now()
	if m.a.quiet || now.Sub(m.last) < m.every {
		return
	}
	m.last = now
	if m.a.json {
		_ = json.NewEncoder(m.a.err).Encode(event{"progress", m.what, p.Bytes, p.TotalBytes, p.Done, p.Total, p.Refused, p.Rate, p.Left.Seconds()})
		return
	}
	line := m.line(p)
	if m.tty {
		m.drawn = true
		_, _ = io.WriteString(m.a.err, "\r\x1b[K"+oneLine(line, 100))
		return
	}
	_, _ = fmt.Fprintln(m.a.err, clean(line))
}

func (m *meter) line(p node.Progress) string {
	s := m.a.t(m.what) + "  " + m.a.t("cmd.progress.done", comity.A("n", p.Done))
	switch {
	case p.Total > 0:
		s += fmt.Sprintf("  %d%%", min(100, 100*p.Done/p.Total))
	case p.TotalBytes > 0:
		s += fmt.Sprintf("  %d%%", min(100, 100*p.Bytes/p.TotalBytes))
	}
	if p.Rate > 0 {
		s += "  " + m.a.t("cmd.progress.rate", comity.A("rate", m.a.p.Number(int64(p.Rate))))
	}
	if p.Left > 0 {
		s += "  " + m.a.t("cmd.progress.left", comity.A("time", m.a.p.Duration(p.Left)))
	}
	return s
}

// end wipes the line.
func (m *meter) end() {
	if m.drawn {
		_, _ = io.WriteString(m.a.err, "\r\x1b[K")
	}
}
