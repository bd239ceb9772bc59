package house

import (
	"bytes"
	"go/ast"
	"go/format"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	maxFunction = 100 // lines
	maxFile     = 700
)

func TestLengths(t *testing.T) {
	for _, f := range files(t) {
		if f.lines > maxFile {
			t.Errorf("%s has %d lines; the limit is %d", f.path, f.lines, maxFile)
		}
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			n := f.fset.Position(fn.End()).Line - f.fset.Position(fn.Pos()).Line + 1
			if n > maxFunction {
				t.Errorf("%s: %s has %d lines; the limit is %d", f.at(fn.Pos()), fn.Name.Name, n, maxFunction)
			}
		}
	}
}

func TestFormatted(t *testing.T) {
	for _, f := range files(t) {
		src, err := os.ReadFile(filepath.Join(root(t), f.path))
		if err != nil {
			t.Fatal(err)
		}
		want, err := format.Source(src)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(src, want) {
			t.Errorf("%s: gofmt would change it", f.path)
		}
	}
}

// Every exported name says what it is.
func TestExportedNamesAreDocumented(t *testing.T) {
	for _, f := range files(t) {
		if f.test || f.pkg == "cmd/comity" {
			continue
		}
		for _, d := range f.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && exportedReceiver(d) && d.Doc == nil {
					t.Errorf("%s: %s has no comment", f.at(d.Pos()), d.Name.Name)
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					checkSpec(t, f, d, s)
				}
			}
		}
	}
}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	name := ""
	ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && name == "" {
			name = id.Name
		}
		return true
	})
	return ast.IsExported(name)
}

func checkSpec(t *testing.T, f *sourceFile, d *ast.GenDecl, s ast.Spec) {
	switch s := s.(type) {
	case *ast.TypeSpec:
		if s.Name.IsExported() && d.Doc == nil && s.Doc == nil {
			t.Errorf("%s: type %s has no comment", f.at(s.Pos()), s.Name.Name)
		}
	case *ast.ValueSpec:
		for _, n := range s.Names {
			if n.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
				t.Errorf("%s: %s has no comment", f.at(n.Pos()), n.Name)
			}
		}
	}
}

// Package state that changes is hidden coupling; init() is hidden order.
// Allowed at package level: constants, sentinel errors, compiled expressions,
// embedded files, interface assertions, and lookup tables nobody assigns to.
func TestNoInitAndNoMutableGlobals(t *testing.T) {
	all := files(t)
	written := assigned(all)
	for _, f := range all {
		if f.test {
			continue
		}
		for _, d := range f.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.Name == "init" {
					t.Errorf("%s: init()", f.at(d.Pos()))
				}
			case *ast.GenDecl:
				if d.Tok == token.VAR {
					for _, s := range d.Specs {
						checkVar(t, f, d, s.(*ast.ValueSpec), written)
					}
				}
			}
		}
	}
}

var pureCalls = regexp.MustCompile(`^(errors\.New|fmt\.Errorf|regexp\.MustCompile|strings\.NewReplacer|template\.Must|netip\.Must\w+|comity\.(E|Msg|A)|language\.\w+|bytes\.Repeat|\[\]byte|base(32|64)\.\w+(\.\w+)*|time\.Date|len|sync\.OnceValues?|strings\.\w+|unicode\.\w+|idna\.New)$`)

func checkVar(t *testing.T, f *sourceFile, d *ast.GenDecl, s *ast.ValueSpec, written map[string]string) {
	for i, n := range s.Names {
		if n.Name == "_" {
			continue
		}
		if at, ok := written[f.pkg+"."+n.Name]; ok {
			t.Errorf("%s: package variable %s is assigned at %s", f.at(n.Pos()), n.Name, at)
		}
		if embedded(d, s) {
			continue
		}
		if f.pkg == "cmd/comity" && n.Name == "version" {
			continue // set by the linker
		}
		if i >= len(s.Values) {
			t.Errorf("%s: package variable %s has no value: it can only be meant to change", f.at(n.Pos()), n.Name)
			continue
		}
		if !fixedValue(s.Values[i]) {
			t.Errorf("%s: package variable %s is neither sentinel, expression, embed nor table", f.at(n.Pos()), n.Name)
		}
	}
}

func embedded(d *ast.GenDecl, s *ast.ValueSpec) bool {
	for _, g := range []*ast.CommentGroup{d.Doc, s.Doc} {
		if g == nil {
			continue
		}
		for _, c := range g.List {
			if strings.HasPrefix(c.Text, "//go:embed") {
				return true
			}
		}
	}
	return false
}

func fixedValue(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit, *ast.CompositeLit, *ast.Ident, *ast.SelectorExpr, *ast.BinaryExpr:
		return true
	case *ast.UnaryExpr:
		return fixedValue(e.X)
	case *ast.CallExpr:
		if _, ok := e.Fun.(*ast.FuncLit); ok {
			return true // a table filled in place
		}
		return pureCalls.MatchString(exprText(e.Fun))
	}
	return false
}

func exprText(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return exprText(e.X) + "." + e.Sel.Name
	case *ast.CallExpr:
		return exprText(e.Fun)
	case *ast.ArrayType:
		return "[]" + exprText(e.Elt)
	}
	return "?"
}

// assigned finds package variables that some function writes to, by
// assignment, increment, or through an index or field: "pkg.name" → where.
func assigned(all []*sourceFile) map[string]string {
	globals := map[string]bool{}
	for _, f := range all {
		for _, d := range f.ast.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR && !f.test {
				for _, s := range g.Specs {
					for _, n := range s.(*ast.ValueSpec).Names {
						globals[f.pkg+"."+n.Name] = true
					}
				}
			}
		}
	}
	out := map[string]string{}
	for _, f := range all {
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				var targets []ast.Expr
				switch n := n.(type) {
				case *ast.AssignStmt:
					if n.Tok != token.DEFINE {
						targets = n.Lhs
					}
				case *ast.IncDecStmt:
					targets = []ast.Expr{n.X}
				}
				for _, e := range targets {
					if id := base(e); id != nil && (id.Obj == nil || id.Obj.Kind == ast.Var) && globals[f.pkg+"."+id.Name] && !local(id, fn) {
						out[f.pkg+"."+id.Name] = f.at(id.Pos())
					}
				}
				return true
			})
		}
	}
	return out
}

func base(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// local reports whether the name is declared inside the function.
func local(id *ast.Ident, fn *ast.FuncDecl) bool {
	if id.Obj == nil {
		return false
	}
	decl, ok := id.Obj.Decl.(ast.Node)
	return ok && decl.Pos() >= fn.Pos() && decl.End() <= fn.End()
}

// A path of somebody's machine in the tree means that something was not
// meant to be committed.
func TestNoForeignWords(t *testing.T) {
	bad := regexp.MustCompile(`/(work|home|Users)/[a-z]+/|/root/|C:\\Users\\`)
	out := gitTool(t, "ls-files")
	for _, p := range strings.Fields(out) {
		switch filepath.Ext(p) {
		case ".go", ".md", ".json", ".html", ".css", ".js", ".txtar", ".sql", "":
		default:
			continue
		}
		b, err := os.ReadFile(filepath.Join(root(t), p))
		if err != nil {
			continue // deleted but not yet committed
		}
		if m := bad.Find(b); m != nil && p != "internal/house/style_test.go" {
			t.Errorf("%s contains %q", p, m)
		}
	}
	if strings.Count(out, "\n") < 20 {
		t.Errorf("git lists only %q", out)
	}
}
