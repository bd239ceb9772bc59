package house

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var (
	exitRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ([a-z-]+) \\|$")
	pattern = regexp.MustCompile(`^(GET|POST|PUT|PATCH|DELETE|HEAD) /`)
)

// exitsOf reads one table of docs/exits.md: way → how it asks.
func exitsOf(t *testing.T, title string) map[string]string {
	t.Helper()
	_, rest, ok := strings.Cut(read(t, "docs/exits.md"), "\n## "+title+"\n")
	if !ok {
		t.Fatalf("docs/exits.md has no section %q", title)
	}
	section, _, _ := strings.Cut(rest, "\n## ")
	out := map[string]string{}
	for _, m := range exitRow.FindAllStringSubmatch(section, -1) {
		if !slices.Contains([]string{"decides", "may-read", "announces", "operator", "audience", "nothing"}, m[2]) {
			t.Errorf("%s: %q is not a way to ask", m[1], m[2])
		}
		out[m[1]] = m[2]
	}
	return out
}

// compareExits fails for a route that is not listed and for a row without route.
func compareExits(t *testing.T, title string, routes []string) {
	t.Helper()
	if len(routes) == 0 {
		t.Fatalf("%s: found no routes", title)
	}
	listed := exitsOf(t, title)
	for _, r := range routes {
		if _, ok := listed[r]; !ok {
			t.Errorf("%s: %s is not listed in docs/exits.md: say how it asks the policy", title, r)
		}
		delete(listed, r)
	}
	for r := range listed {
		t.Errorf("%s: docs/exits.md lists %s, which does not exist", title, r)
	}
}

// Every route of the pages and of the JSON API stands in docs/exits.md.
func TestEveryRouteIsListed(t *testing.T) {
	compareExits(t, "Pages", patterns(t, "web"))
	compareExits(t, "JSON under /api/v1", patterns(t, "api"))
}

// patterns finds every "METHOD /path" in the source of a package.
func patterns(t *testing.T, pkg string) []string {
	var out []string
	for _, f := range files(t) {
		if f.pkg != pkg || f.test {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if s, err := strconv.Unquote(lit.Value); err == nil && pattern.MatchString(s) && !slices.Contains(out, s) {
					out = append(out, s)
				}
			}
			return true
		})
	}
	return out
}

// Every route that peers can call stands in docs/exits.md. They are the
// get("…") and post("…") calls of the one function that lists them.
func TestEveryPeerRouteIsListed(t *testing.T) {
	var out []string
	for _, f := range files(t) {
		if f.pkg != "federation" || f.test {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 3 {
				return true
			}
			fn, ok := call.Fun.(*ast.Ident)
			lit, isText := call.Args[0].(*ast.BasicLit)
			if ok && isText && (fn.Name == "get" || fn.Name == "post") {
				s, _ := strconv.Unquote(lit.Value)
				out = append(out, strings.ToUpper(fn.Name)+" /comity/v1"+s)
			}
			return true
		})
	}
	compareExits(t, "Peers", out)
}

// INVARIANT: content enters a channel in two places only, and both ask Decide.
func TestContentEntersChannelsInTwoPlaces(t *testing.T) {
	var callers []string
	for _, f := range files(t) {
		if f.pkg != "node" || f.test {
			continue
		}
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			puts, asks := calls(fn, "putDraft"), calls(fn, "decide") || calls(fn, "decideAudience") || calls(fn, "decideOne")
			if !puts {
				continue
			}
			callers = append(callers, fn.Name.Name)
			if !asks {
				t.Errorf("%s: %s puts content into a channel without asking the policy", f.at(fn.Pos()), fn.Name.Name)
			}
		}
	}
	if len(callers) != 2 {
		t.Errorf("content enters channels in %v; two places were agreed on", callers)
	}
}

func calls(fn *ast.FuncDecl, name string) bool {
	found := false
	ast.Inspect(fn, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == name {
			found = true
		}
		return true
	})
	return found
}

// Nothing above package node may decide by itself or skip the decision.
func TestOnlyNodeAndFederationKnowThePolicy(t *testing.T) {
	for _, f := range files(t) {
		if f.test || f.pkg == "node" || f.pkg == "federation" || f.pkg == "policy" || strings.HasPrefix(f.pkg, "internal/") {
			continue
		}
		for _, im := range f.ast.Imports {
			if im.Path.Value == `"`+module+`/policy"` {
				t.Errorf("%s imports policy: ask through the use cases of node", f.path)
			}
		}
	}
}
