package ingest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/comity-net/comity"
)

// shelf is a store of nothing but current versions.
type shelf map[comity.ObjectID]comity.Object

func (s shelf) held(_ context.Context, ids []comity.ObjectID) (map[comity.ObjectID]Held, error) {
	out := map[comity.ObjectID]Held{}
	for _, id := range ids {
		if o, ok := s[id]; ok {
			out[id] = Held{Created: o.Created, Modified: o.Modified, Digest: sha256.Sum256(o.Raw), Withdrawn: o.Revoked}
		}
	}
	return out, nil
}

// take imports a list into the shelf and says what changed.
func (s shelf) take(t *testing.T, list string, now time.Time) (same, newer int) {
	t.Helper()
	got, _, err := run(t, strings.NewReader(list), Options{Now: now, Held: s.held})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range got.objects {
		switch have := s[o.ID]; {
		case bytes.Equal(have.Raw, o.Raw):
			same++
		case have.Raw == nil, o.Modified.After(have.Modified) && o.Created.Equal(have.Created):
			newer++
			s[o.ID] = o
		default:
			t.Errorf("other content under the same version:\n%s\n%s", have.Raw, o.Raw)
		}
	}
	return same, newer
}

func TestImportAgainSame(t *testing.T) {
	day := 24 * time.Hour
	for name, in := range map[string]string{
		"list":        "192.0.2.1\nbad.example.com\n",
		"table":       "value,comment\n192.0.2.1,a\nbad.example.com,b\n",
		"dated table": "value,first_seen,last_seen\n192.0.2.1,2026-01-01,2026-02-01 10:11:12.345678\nbad.example.com,2026-01-02,2099-01-01\n",
		"text":        "Please block 192.0.2.1 and bad[.]example[.]com at once.",
	} {
		t.Run(name, func(t *testing.T) {
			s := shelf{}
			if same, newer := s.take(t, in, testDay); same != 0 || newer != 2 {
				t.Errorf("first: %d same, %d new", same, newer)
			}
			for i := range 3 {
				if same, newer := s.take(t, in, testDay.Add(time.Duration(i+1)*day)); same != 2 || newer != 0 {
					t.Errorf("again %d: %d same, %d new", i, same, newer)
				}
			}
		})
	}
}

func TestImportAgainChanged(t *testing.T) {
	s := shelf{}
	s.take(t, "value,comment\n192.0.2.1,a\n192.0.2.2,b\n", testDay)
	if same, newer := s.take(t, "value,comment\n192.0.2.1,a\n192.0.2.2,changed\n", testDay.Add(time.Hour)); same != 1 || newer != 1 {
		t.Errorf("%d same, %d new", same, newer)
	}
	// Even under the same clock, changed content is a newer version.
	if same, newer := s.take(t, "value,comment\n192.0.2.1,a\n192.0.2.2,changed again\n", testDay.Add(time.Hour)); same != 1 || newer != 1 {
		t.Errorf("same clock: %d same, %d new", same, newer)
	}
}

func TestImportAgainSeenLater(t *testing.T) {
	s := shelf{}
	s.take(t, "value,last_seen\n192.0.2.1,2026-01-01\n", testDay)
	if same, newer := s.take(t, "value,last_seen\n192.0.2.1,2026-04-01\n", testDay.Add(48*time.Hour)); same != 0 || newer != 1 {
		t.Errorf("%d same, %d new", same, newer)
	}
}

func TestImportAgainWithdrawn(t *testing.T) {
	s := shelf{}
	s.take(t, "192.0.2.1\n", testDay)
	for id, o := range s {
		o.Revoked = true
		s[id] = o
	}
	got, _, err := run(t, strings.NewReader("192.0.2.1\n192.0.2.2\n"), Options{Held: s.held})
	if err != nil || len(got.objects) != 1 {
		t.Fatal(err, got.values())
	}
	if d := cmp.Diff([]string{"line 1 ingest.withdrawn"}, got.rules()); d != "" {
		t.Error(d)
	}
}
