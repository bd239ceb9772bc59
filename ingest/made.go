package ingest

import (
	"context"
	"crypto/sha256"
	"slices"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/formats"
)

// maker makes indicators of values and rows.
type maker struct {
	opt  *Options
	name string
}

// made is an indicator about to be made.
type made struct {
	u *unit
	e formats.Entry
}

// finish asks which of them are held, makes them and judges them like every
// other object.
func (m *maker) finish(ctx context.Context, all []made, out *results) error {
	ids := make([]comity.ObjectID, len(all))
	for i := range all {
		m.fill(&all[i].e)
		ids[i] = all[i].e.ID()
	}
	var held map[comity.ObjectID]Held
	if m.opt.Held != nil && len(all) > 0 {
		var err error
		if held, err = m.opt.Held(ctx, ids); err != nil {
			return err
		}
	}
	opt := stixOptions(m.opt)
	out.objects = make([]comity.Object, 0, len(all))
	out.findings = make([][]comity.Finding, 0, len(all))
	for i := range all {
		if err := ctx.Err(); err != nil {
			return err
		}
		a := &all[i]
		id := ids[i]
		h, known := held[id]
		if known && h.Withdrawn {
			out.refuse(a.u, id, refused("withdrawn", "", comity.Msg("ingest.withdrawn", comity.A("value", a.e.Value.Text))))
			continue
		}
		raw, err := m.encode(a.e, h, known)
		if err != nil {
			out.refuse(a.u, id, refused("value", "value", comity.ErrorMessage(err)))
			continue
		}
		out.parse(a.u, raw, opt)
	}
	return nil
}

// fill puts what the import says where the row says nothing.
func (m *maker) fill(e *formats.Entry) {
	if e.TLP == comity.Unmarked {
		e.TLP = m.opt.Handling
	}
	e.Creator = m.opt.Creator
	e.Labels = append(slices.Clip(e.Labels), m.opt.Labels...)
}

// encode chooses the times. A row's own date makes created (never later than
// now); what is held keeps its created, and its modified too unless the content
// or the row's last-seen date is newer.
//
// INVARIANT: the same row over the same held version gives the held bytes
// (TestImportAgainSame).
func (m *maker) encode(e formats.Entry, h Held, known bool) ([]byte, error) {
	now := m.opt.Now.UTC().Truncate(time.Millisecond)
	e.Created, e.Modified = now, now
	seen := e.Seen
	if seen.After(now) {
		seen = time.Time{} // a clock elsewhere is fast, or the date is a plan
	}
	if known && !h.Created.IsZero() {
		e.Created, e.Modified = h.Created, h.Modified
		raw, err := e.Encode()
		if err != nil || (sha256.Sum256(raw) == h.Digest && !seen.After(h.Modified)) {
			return raw, err
		}
		e.Modified = later(now, h.Modified.Add(time.Millisecond))
		return e.Encode()
	}
	if !e.ValidFrom.IsZero() && e.ValidFrom.Before(now) {
		e.Created = e.ValidFrom
		e.Modified = e.ValidFrom
	}
	if seen.After(e.Modified) {
		e.Modified = seen
	}
	return e.Encode()
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func refused(rule, path string, m comity.Message) []comity.Finding {
	return []comity.Finding{{Rule: rule, Path: path, Refuses: true, Msg: m}}
}
