package bench

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const taxiiType = "application/taxii+json;version=2.1"

// baseline is a TAXII 2.1 server as somebody would plainly write it: net/http,
// encoding/json, all objects in a slice in memory, filters by looking at each.
//
// It leaves out: storage on disk (a post is not durable), validation but for id
// and type, rights and markings, versions filters but "last", spec_version,
// signed cursors (next is an offset), DELETE, error bodies but a title, gzip,
// conditional requests, limits on memory and callers, password hashes.
type baseline struct {
	mu      sync.RWMutex
	objects []plain
	latest  map[string]int // by id
	last    time.Time
}

type plain struct {
	id, typ, modified string
	added             time.Time
	raw               json.RawMessage
}

const (
	baseUser, basePass = "bench", "long enough a password"
	basePath           = "/taxii2/api/collections/feed/"
	stamp              = "2006-01-02T15:04:05.000000Z"
)

func newBaseline() http.Handler {
	b := &baseline{latest: map[string]int{}}
	m := http.NewServeMux()
	m.HandleFunc("GET /taxii2/{$}", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 200, map[string]any{"title": "plain", "default": "/taxii2/api/", "api_roots": []string{"/taxii2/api/"}})
	})
	m.HandleFunc("GET "+basePath+"objects/{$}", b.get)
	m.HandleFunc("POST "+basePath+"objects/{$}", b.post)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, ok := r.BasicAuth(); ok && (u != baseUser || p != basePass) {
			answer(w, 401, map[string]string{"title": "who are you?"})
			return
		}
		m.ServeHTTP(w, r)
	})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", taxiiType)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (b *baseline) post(w http.ResponseWriter, r *http.Request) {
	var in struct{ Objects []json.RawMessage }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 32<<20)).Decode(&in); err != nil {
		answer(w, 400, map[string]string{"title": err.Error()})
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	type detail struct {
		ID      string `json:"id"`
		Version string `json:"version"`
	}
	var good, bad []detail
	for _, raw := range in.Objects {
		var o struct{ ID, Type, Modified string }
		if err := json.Unmarshal(raw, &o); err != nil || !strings.HasPrefix(o.ID, o.Type+"--") {
			bad = append(bad, detail{o.ID, o.Modified})
			continue
		}
		now := time.Now().UTC().Truncate(time.Microsecond)
		if !now.After(b.last) {
			now = b.last.Add(time.Microsecond)
		}
		b.last = now
		if i, ok := b.latest[o.ID]; !ok || b.objects[i].modified < o.Modified {
			b.latest[o.ID] = len(b.objects)
			b.objects = append(b.objects, plain{o.ID, o.Type, o.Modified, now, raw})
		}
		good = append(good, detail{o.ID, o.Modified})
	}
	answer(w, 202, map[string]any{
		"id": "2d086da7-4bdc-4f91-900e-d77486753710", "status": "complete", "request_timestamp": time.Now().UTC().Format(stamp),
		"total_count": len(in.Objects), "success_count": len(good), "failure_count": len(bad), "pending_count": 0,
		"successes": good, "failures": bad,
	})
}

func (b *baseline) get(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	limit, err := strconv.Atoi(cmp.Or(q.Get("limit"), "100"))
	if err != nil || limit < 1 {
		answer(w, 400, map[string]string{"title": "limit"})
		return
	}
	after, _ := time.Parse(time.RFC3339Nano, q.Get("added_after"))
	start, _ := strconv.Atoi(q.Get("next"))
	wanted := func(field, v string) bool {
		s := q.Get("match[" + field + "]")
		return s == "" || slices.Contains(strings.Split(s, ","), v)
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	var page []plain
	next := 0
	for i := start; i < len(b.objects); i++ {
		o := b.objects[i]
		if b.latest[o.id] != i || !o.added.After(after) || !wanted("type", o.typ) || !wanted("id", o.id) {
			continue
		}
		if len(page) == limit {
			next = i
			break
		}
		page = append(page, o)
	}
	out := map[string]any{}
	if len(page) > 0 {
		w.Header().Set("X-TAXII-Date-Added-First", page[0].added.Format(stamp))
		w.Header().Set("X-TAXII-Date-Added-Last", page[len(page)-1].added.Format(stamp))
		raws := make([]json.RawMessage, len(page))
		for i, o := range page {
			raws[i] = o.raw
		}
		out["objects"], out["more"] = raws, next > 0
		if next > 0 {
			out["next"] = fmt.Sprint(next)
		}
	}
	answer(w, 200, out)
}
