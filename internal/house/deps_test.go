package house

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

var depRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|")

// Every module that ends up in the program is written down with why, who and
// how to leave; and nothing is written down that is not there.
func TestDependenciesAreWrittenDown(t *testing.T) {
	used, tested := modules(t), modules(t, "-test")
	if len(used) < 5 {
		t.Fatalf("go list found only %v", used)
	}
	var listed []string
	for _, m := range depRow.FindAllStringSubmatch(read(t, "docs/dependencies.md"), -1) {
		listed = append(listed, m[1])
	}
	for _, m := range used {
		if !slices.Contains(listed, m) {
			t.Errorf("%s is linked in but not in docs/dependencies.md", m)
		}
	}
	for _, m := range listed {
		if !slices.Contains(used, m) && !slices.Contains(tested, m) {
			t.Errorf("docs/dependencies.md lists %s, which nothing uses", m)
		}
	}
}

// modules lists what the packages of ours need, on any system we build for.
func modules(t *testing.T, flags ...string) []string {
	var out []string
	for _, goos := range []string{"linux", "darwin", "windows"} {
		args := append([]string{"list", "-deps"}, flags...)
		args = append(args, "-f", "{{with .Module}}{{.Path}}{{end}}", "./...")
		for _, m := range strings.Fields(goTool(t, []string{"GOOS=" + goos, "CGO_ENABLED=0"}, args...)) {
			if m != module && !slices.Contains(out, m) {
				out = append(out, m)
			}
		}
	}
	return out
}

// No package of ours or anybody's is built with a C compiler.
func TestNoCgo(t *testing.T) {
	out := goTool(t, []string{"CGO_ENABLED=0"}, "list", "-deps", "-f", "{{if .CgoFiles}}{{.ImportPath}}{{end}}", "./cmd/...")
	if s := strings.TrimSpace(out); s != "" {
		t.Errorf("cgo in: %s", s)
	}
}
