// Package data finds the files of the optional test data folder: real input
// that is not part of the project. Tests that want it are skipped without.
package data

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Env names the variable that says where the folder is. Without it the folder
// is ../shared/data, seen from the project's root.
const Env = "COMITY_DATA_SETS"

// Find returns the path of a file such as "stix/attack-ics-18.1.json.gz", and
// whether it is there.
func Find(name string) (string, bool) {
	dir := os.Getenv(Env)
	if dir == "" {
		dir = filepath.Join(root(), "..", "shared", "data")
	}
	path := filepath.Join(dir, filepath.FromSlash(name))
	_, err := os.Stat(path)
	return path, err == nil
}

// Path is Find for a test, which is skipped when the file is absent.
func Path(tb testing.TB, name string) string {
	tb.Helper()
	path, ok := Find(name)
	if !ok {
		tb.Skipf("optional test data %s is absent (set %s)", name, Env)
	}
	return path
}

// Open opens a file, unpacked when its name ends in .gz. The test closes it.
func Open(tb testing.TB, name string) io.Reader {
	tb.Helper()
	f, err := os.Open(Path(tb, name))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { f.Close() })
	if !strings.HasSuffix(name, ".gz") {
		return f
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		tb.Fatal(err)
	}
	return z
}

// root is the folder of go.mod above the test's own.
func root() string {
	at, err := os.Getwd()
	if err != nil {
		return "."
	}
	for at != filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return at
		}
		at = filepath.Dir(at)
	}
	return "."
}
