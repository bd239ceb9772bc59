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
	out := goTool(t, nil, "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "./...")
	var used []string
	for _, m := range strings.Fields(out) {
		if m != module && !slices.Contains(used, m) {
			used = append(used, m)
		}
	}
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
	testOnly := strings.Fields(goTool(t, nil, "list", "-deps", "-test", "-f", "{{with .Module}}{{.Path}}{{end}}", "./..."))
	for _, m := range listed {
		if !slices.Contains(used, m) && !slices.Contains(testOnly, m) {
			t.Errorf("docs/dependencies.md lists %s, which nothing uses", m)
		}
	}
}

// No package of ours or anybody's is built with a C compiler.
func TestNoCgo(t *testing.T) {
	out := goTool(t, []string{"CGO_ENABLED=0"}, "list", "-deps", "-f", "{{if .CgoFiles}}{{.ImportPath}}{{end}}", "./cmd/...")
	if s := strings.TrimSpace(out); s != "" {
		t.Errorf("cgo in: %s", s)
	}
}
