package taxii

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/comity-net/comity"
)

// Prefix is where a server answers: discovery itself, and API roots below it.
const Prefix = "/taxii2/"

const maxPath = 2048

type endpoint uint8

const (
	atNothing endpoint = iota
	atDiscovery
	atRoot
	atStatus
	atCollections
	atCollection
	atManifest
	atObjects
	atObject
	atVersions
)

func (e endpoint) String() string {
	return [...]string{"", "discovery", "root", "status", "collections", "collection", "manifest", "objects", "object", "versions"}[e]
}

func (e endpoint) allow() string {
	switch e {
	case atObjects:
		return "GET, HEAD, POST"
	case atObject:
		return "GET, HEAD, DELETE"
	}
	return "GET, HEAD"
}

// route is a path, taken apart.
type route struct {
	endpoint                 endpoint
	root, status, collection string
	object                   comity.ObjectID
}

// parseRoute takes an escaped path apart. The slash at the end, which the
// standard wants, may be missing.
func parseRoute(path string) (route, bool) {
	if len(path) > maxPath || !strings.HasPrefix(path+"/", Prefix) {
		return route{}, false
	}
	path = strings.TrimSuffix(path[min(len(path), len(Prefix)):], "/")
	if path == "" {
		return route{endpoint: atDiscovery}, true
	}
	parts := strings.Split(path, "/")
	for i, p := range parts {
		u, err := url.PathUnescape(p)
		if err != nil || u == "" || !plain(u) {
			return route{}, false
		}
		parts[i] = u
	}
	return shape(parts)
}

// plain refuses what no name of ours holds and logs should not.
func plain(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) && s != "." && s != ".."
}

func shape(p []string) (route, bool) {
	r := route{root: p[0]}
	switch {
	case len(p) == 1:
		r.endpoint = atRoot
	case len(p) == 3 && p[1] == "status":
		r.endpoint, r.status = atStatus, p[2]
	case p[1] != "collections" || len(p) > 6:
	case len(p) == 2:
		r.endpoint = atCollections
	case len(p) == 3:
		r.endpoint = atCollection
	case len(p) == 4 && p[3] == "manifest":
		r.endpoint = atManifest
	case p[3] != "objects":
	case len(p) == 4:
		r.endpoint = atObjects
	case len(p) == 5:
		r.endpoint = atObject
	case p[5] == "versions":
		r.endpoint = atVersions
	}
	if len(p) > 2 && r.endpoint != atStatus {
		r.collection = p[2]
	}
	if len(p) > 4 {
		r.object = comity.ObjectID(p[4])
	}
	return r, r.endpoint != atNothing
}
