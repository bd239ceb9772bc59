package sqlite

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"zombiezen.com/go/sqlite"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

const (
	applicationID = 0x436d7479 // "Cmty"
	pageSize      = 4096
	checkpointAt  = 16384   // pages (64 MiB) in the log from which a commit copies them back
	logKeep       = 1 << 27 // bytes that the log may keep when it is empty
)

// pragma is one setting: how it is set and what reading it back must give.
type pragma struct{ name, set, want string }

// pragmas lists what the keeper relies on. INVARIANT: each is read back at
// start, and opening is refused if one differs.
func (s *Store) pragmas(cacheMiB int, writer bool) []pragma {
	cache := fmt.Sprint(-1024 * cacheMiB)
	busy := fmt.Sprint(s.opts.Busy.Milliseconds())
	ps := []pragma{
		{"synchronous", "FULL", "2"},
		{"cache_size", cache, cache},
		{"mmap_size", "0", "0"},
		{"foreign_keys", "OFF", "0"},
		{"secure_delete", "ON", "1"},
		{"temp_store", "MEMORY", "2"},
		{"trusted_schema", "OFF", "0"},
		{"cell_size_check", "ON", "1"},
		{"busy_timeout", busy, busy},
	}
	if writer {
		ps = append([]pragma{{"page_size", fmt.Sprint(pageSize), ""}, {"journal_mode", "WAL", "wal"}}, ps...)
		ps = append(ps, pragma{"wal_autocheckpoint", fmt.Sprint(checkpointAt), fmt.Sprint(checkpointAt)},
			pragma{"journal_size_limit", fmt.Sprint(logKeep), fmt.Sprint(logKeep)})
		if s.opts.MaxMiB > 0 {
			most := fmt.Sprint(s.opts.MaxMiB << 20 / pageSize)
			ps = append(ps, pragma{"max_page_count", most, ""})
		}
	}
	return ps
}

func (s *Store) setPragmas(r *reader, cacheMiB int, writer bool) error {
	for _, p := range s.pragmas(cacheMiB, writer) {
		if p.set != "" {
			if err := r.exec("PRAGMA " + p.name + " = " + p.set); err != nil {
				return err
			}
		}
		if p.want == "" {
			continue
		}
		got, err := r.pragma(p.name)
		if err != nil {
			return err
		}
		if got != p.want {
			return comity.E(comity.Unavailable, "open", "", comity.Msg("store.setting_refused",
				comity.A("name", p.name), comity.A("want", p.want), comity.A("got", got)), nil)
		}
	}
	return nil
}

func (r *reader) pragma(name string) (string, error) {
	var v string
	err := r.query("PRAGMA "+name, func(s *sqlite.Stmt) error { v = s.ColumnText(0); return nil })
	return v, err
}

// Check implements store.Store: settings of the writing connection, schema and
// the engine's own integrity check.
func (s *Store) Check(ctx context.Context) ([]string, error) {
	var out []string
	err := s.View(ctx, func(sr store.Reader) error {
		r := sr.(*reader)
		version, err := r.schemaVersion()
		if err != nil {
			return err
		}
		if version != len(schemas()) {
			out = append(out, fmt.Sprintf("schema is version %d, this program needs %d", version, len(schemas())))
		}
		return r.query("PRAGMA integrity_check(20)", func(st *sqlite.Stmt) error {
			if line := st.ColumnText(0); line != "ok" {
				out = append(out, "integrity: "+line)
			}
			return nil
		})
	})
	if err != nil || s.readOnly {
		return out, err
	}
	err = s.Update(ctx, func(st store.Tx) error {
		t := st.(*tx)
		for _, p := range s.pragmas(s.opts.CacheMiB, true) {
			if p.want == "" {
				continue
			}
			got, err := t.pragma(p.name)
			if err != nil {
				return err
			}
			if got != p.want {
				out = append(out, fmt.Sprintf("%s is %s, must be %s", p.name, got, p.want))
			}
		}
		return t.checkCounts(&out)
	})
	return out, err
}

// immutable names a file that nobody can change while it is open.
func immutable(path string) string {
	u := url.URL{Scheme: "file", Path: path, RawQuery: "immutable=1"}
	return strings.Replace(u.String(), "file://", "file:", 1)
}

// cannotWrite reports whether an error of opening means "no right to write",
// so that reading may still go.
func cannotWrite(err error) bool {
	key := comity.ErrorMessage(err).Key
	return key == "store.read_only" || key == "store.cannot_open" || key == "store.disk_full"
}

func (s *Store) busyPragma() string {
	return fmt.Sprintf("PRAGMA busy_timeout = %d", s.opts.Busy.Milliseconds())
}
