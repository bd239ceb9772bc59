package ingest

import "time"

// meter calls Options.Progress, at most ten times a second. Only the gathering
// goroutine uses it.
type meter struct {
	opt         Options
	clock       func() time.Time
	start, last time.Time
}

func newMeter(opt Options) *meter {
	m := &meter{opt: opt, clock: opt.Clock}
	if m.clock == nil {
		m.clock = time.Now
	}
	m.start = m.clock()
	m.last = m.start
	return m
}

func (m *meter) tick(s Summary, bytes int64, done bool) {
	if m.opt.Progress == nil {
		return
	}
	now := m.clock()
	if !done && now.Sub(m.last) < 100*time.Millisecond {
		return
	}
	m.last = now
	p := Progress{Bytes: bytes, Total: m.opt.Size, Accepted: s.Accepted, Refused: s.Refused, Done: done}
	spent := now.Sub(m.start)
	if spent > 0 {
		p.Rate = float64(s.Accepted+s.Refused) / spent.Seconds()
	}
	if !done && bytes > 0 && m.opt.Size > bytes {
		p.Left = time.Duration(float64(spent) * float64(m.opt.Size-bytes) / float64(bytes))
	}
	m.opt.Progress(p)
}
