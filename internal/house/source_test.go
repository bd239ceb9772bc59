package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/comity-net/comity"

// root returns the directory of go.mod.
func root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = up
	}
}

// read returns a file of the project as text.
func read(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root(t), filepath.FromSlash(path)))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// sourceFile is one parsed Go file of the project.
type sourceFile struct {
	path  string // slash path from the root
	pkg   string // directory, slash path from the root; "." for the root package
	test  bool
	lines int
	fset  *token.FileSet
	ast   *ast.File
}

func (f *sourceFile) at(p token.Pos) string {
	pos := f.fset.Position(p)
	return f.path + ":" + strconv.Itoa(pos.Line)
}

// files walks the project once and returns every Go file that is ours.
func files(t testing.TB) []*sourceFile {
	t.Helper()
	top := root(t)
	fset := token.NewFileSet()
	var out []*sourceFile
	err := filepath.WalkDir(top, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(top, p)
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			name := d.Name()
			nested := rel != "." && exists(filepath.Join(p, "go.mod"))
			if rel != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "dist" || name == "bin" || nested) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") {
			return nil
		}
		src, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(fset, p, src, parser.ParseComments)
		if err != nil {
			return err
		}
		out = append(out, &sourceFile{
			path: rel, pkg: filepath.ToSlash(filepath.Dir(rel)), test: strings.HasSuffix(rel, "_test.go"),
			lines: strings.Count(string(src), "\n"), fset: fset, ast: f,
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 20 {
		t.Fatalf("found only %d Go files below %s: the walk is broken", len(out), top)
	}
	return out
}

func exists(p string) bool { _, err := os.Stat(p); return err == nil }

// goTool runs the go command at the root and returns its standard output.
func goTool(t testing.TB, env []string, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = root(t)
	cmd.Env = append(os.Environ(), env...)
	var errb strings.Builder
	cmd.Stderr = &errb
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, errb.String())
	}
	return string(out)
}

// binary builds the program into a folder of the test.
func binary(t testing.TB) string {
	t.Helper()
	if p := os.Getenv("COMITY_BIN"); p != "" {
		return p
	}
	path := filepath.Join(t.TempDir(), "comity")
	goTool(t, []string{"CGO_ENABLED=0"}, "build", "-o", path, module+"/cmd/comity")
	return path
}

// gitTool runs git at the root; without a repository (a source archive) the
// test is skipped.
func gitTool(t testing.TB, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = root(t)
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("git %s: %v (not a repository?)", strings.Join(args, " "), err)
	}
	return string(out)
}
