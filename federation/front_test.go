package federation

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/comity-net/comity/ledger"
)

type front = func(w http.ResponseWriter, r *http.Request, next http.Handler)

// onPath lets f answer what has part in its path, and the honest server the rest.
func onPath(part string, f front) front {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.Contains(r.URL.Path, part) {
			f(w, r, next)
			return
		}
		next.ServeHTTP(w, r)
	}
}

func status(code int) front {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { w.WriteHeader(code) }
}

// answer sends a fixed body.
func answer(body []byte, headers ...string) front {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		_, _ = w.Write(body)
	}
}

// honest gets the honest answer, uncompressed.
func honest(r *http.Request, next http.Handler) *httptest.ResponseRecorder {
	r = r.Clone(r.Context())
	r.Header.Del("Accept-Encoding")
	rec := httptest.NewRecorder()
	next.ServeHTTP(rec, r)
	return rec
}

// rewrite changes the honest answer's bytes.
func rewrite(change func([]byte) []byte) front {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		rec := honest(r, next)
		w.WriteHeader(rec.Code)
		_, _ = w.Write(change(rec.Body.Bytes()))
	}
}

// rechunk changes the honest chunk.
func rechunk(t testing.TB, change func(*ledger.Chunk)) front {
	return rewrite(func(b []byte) []byte {
		c, err := ledger.ReadChunk(bytes.NewReader(b), ledger.Limits{})
		if err != nil {
			t.Errorf("honest chunk: %v", err)
			return b
		}
		change(&c)
		var out bytes.Buffer
		if err := ledger.WriteChunk(&out, c.From, c.Items, c.End, c.Proof); err != nil {
			t.Errorf("write chunk: %v", err)
		}
		return out.Bytes()
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func mustURL(s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil {
		panic(err)
	}
	return u
}

// flipSignature changes one bit of the signature in a line.
func flipSignature(line []byte) []byte {
	head, b64, _ := bytes.Cut(bytes.TrimPrefix(bytes.TrimSpace(line), []byte("— ")), []byte(" "))
	sig, err := base64.StdEncoding.DecodeString(string(b64))
	if err != nil {
		panic(err)
	}
	sig[len(sig)-1] ^= 1
	return []byte("— " + string(head) + " " + base64.StdEncoding.EncodeToString(sig) + "\n")
}
