package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"strings"
)

//go:embed static templates
var embedded embed.FS

// asset is one file that pages refer to.
type asset struct {
	sum, kind string
	body      []byte
}

// assets are the embedded files by name. Their addresses carry a checksum, so
// that a browser may keep them for ever and an upgrade is seen at once.
type assets map[string]asset

var assetKinds = map[string]string{
	"css": "text/css; charset=utf-8",
	"js":  "text/javascript; charset=utf-8",
	"svg": "image/svg+xml",
}

func readAssets() assets {
	entries, err := embedded.ReadDir("static")
	if err != nil {
		panic(err) // the embed directive names the folder
	}
	files := assets{}
	for _, e := range entries {
		body, err := embedded.ReadFile("static/" + e.Name())
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(body)
		_, ext, _ := strings.Cut(e.Name(), ".")
		files[e.Name()] = asset{sum: hex.EncodeToString(sum[:8]), kind: assetKinds[ext], body: body}
	}
	return files
}

// path returns the address of a file.
func (a assets) path(name string) string { return "/static/" + a[name].sum + "/" + name }

// ServeHTTP serves a file whose checksum is the one in the path.
func (a assets) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	f, ok := a[r.PathValue("name")]
	if !ok || f.sum != r.PathValue("sum") {
		http.NotFound(rw, r)
		return
	}
	rw.Header().Set("Content-Type", f.kind)
	rw.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = rw.Write(f.body)
}
