package i18n

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// usage is what the project's code and templates say of keys.
type usage struct {
	keys     map[string]string // a key named by Msg, msg: or t -> where
	prefixes map[string]string // the fixed beginning of a key put together at run time
	literals map[string]bool   // every string that could be a key
}

var (
	keyShape     = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z0-9_]+)+$`)
	prefixShape  = regexp.MustCompile(`^[a-z][a-z0-9_]*\.([a-z0-9_]+[._])*$`)
	templateKey  = regexp.MustCompile(`\bt "([^"]+)"`)
	templatePart = regexp.MustCompile(`\bt \(printf "([^"%]+)%`)
	quoted       = regexp.MustCompile(`"([^"]+)"`)
)

// TestEveryKeyIsUsedAndExists compares the English files with the code.
func TestEveryKeyIsUsedAndExists(t *testing.T) {
	u := scan(t, "..")
	english := map[string]string{}
	for pkg, langs := range readKeys(t) {
		for k := range langs["en"] {
			if other, ok := english[k]; ok {
				t.Errorf("%s stands in keys/%s.en.json and keys/%s.en.json", k, other, pkg)
			}
			english[k] = pkg
		}
	}
	for k, where := range u.keys {
		if _, ok := english[k]; !ok {
			t.Errorf("%s: key %s is in no English file", where, k)
		}
	}
	for k, pkg := range english {
		if !keyShape.MatchString(k) {
			t.Errorf("keys/%s.en.json: %s is not a key: lower case, dots", pkg, k)
		}
		if !u.uses(k) {
			t.Errorf("keys/%s.en.json: %s is used nowhere", pkg, k)
		}
	}
	for p, where := range u.prefixes {
		if !slices.ContainsFunc(keysOf(english), func(k string) bool { return strings.HasPrefix(k, p) }) {
			t.Errorf("%s: no English key begins with %s", where, p)
		}
	}
}

func keysOf(m map[string]string) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	return out
}

func (u *usage) uses(key string) bool {
	if _, ok := u.keys[key]; ok || u.literals[key] {
		return true
	}
	for p := range u.prefixes {
		if strings.HasPrefix(key, p) {
			return true
		}
	}
	return false
}

func scan(t *testing.T, root string) *usage {
	u := &usage{map[string]string{}, map[string]string{}, map[string]bool{}}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "tools") {
			return filepath.SkipDir
		}
		switch {
		case strings.HasSuffix(path, "_test.go"):
		case strings.HasSuffix(path, ".go"):
			return u.goFile(path)
		case strings.HasSuffix(path, ".html"):
			return u.template(path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func (u *usage) template(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for _, m := range templateKey.FindAllStringSubmatch(string(b), -1) {
		u.keys[m[1]] = path
	}
	for _, m := range templatePart.FindAllStringSubmatch(string(b), -1) {
		u.prefixes[m[1]] = path
	}
	for _, m := range quoted.FindAllStringSubmatch(string(b), -1) {
		u.literal(m[1], path)
	}
	return nil
}

// literal notes a string that is a key, names one, or begins one.
func (u *usage) literal(s, path string) {
	if k, ok := strings.CutPrefix(s, "msg:"); ok {
		switch {
		case keyShape.MatchString(k):
			u.keys[k] = path
		case prefixShape.MatchString(k):
			u.prefixes[k] = path
		}
		return
	}
	if s = strings.TrimPrefix(s, "<"); keyShape.MatchString(s) { // "<" sets a column to the end
		u.literals[s] = true
	}
}

func (u *usage) goFile(path string) error {
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil // another test says so better
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if isMsg(n.Fun) && len(n.Args) > 0 {
				u.argument(n.Args[0], path)
			}
		case *ast.BasicLit:
			if s, ok := text(n); ok {
				u.literal(s, path)
			}
		}
		return true
	})
	return nil
}

func isMsg(fun ast.Expr) bool {
	switch f := fun.(type) {
	case *ast.Ident:
		return f.Name == "Msg"
	case *ast.SelectorExpr:
		x, ok := f.X.(*ast.Ident)
		return ok && x.Name == "comity" && f.Sel.Name == "Msg"
	}
	return false
}

func (u *usage) argument(e ast.Expr, path string) {
	if s, ok := text(e); ok {
		if keyShape.MatchString(s) {
			u.keys[s] = path
		}
		return
	}
	for {
		b, ok := e.(*ast.BinaryExpr)
		if !ok {
			break
		}
		e = b.X
	}
	if s, ok := text(e); ok && prefixShape.MatchString(s) {
		u.prefixes[s] = path
	}
}

func text(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(lit.Value)
	return s, err == nil
}
