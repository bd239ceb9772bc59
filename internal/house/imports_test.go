package house

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// mayImport is the table of ARCHITECTURE.md: which packages of ours a package
// may import. Tests may import anything.
func mayImport() map[string][]string {
	return map[string][]string{
		"comity":                {},
		"stix":                  {"comity", "extract", "stix/pattern"},
		"stix/pattern":          {"comity", "extract"},
		"extract":               {"comity"},
		"formats":               {"comity", "stix", "extract"},
		"policy":                {"comity"},
		"ledger":                {"comity"},
		"store":                 {"comity", "ledger"},
		"store/storetest":       {"comity", "ledger", "store", "stix"},
		"store/sqlite":          {"comity", "ledger", "store", "store/internal/index", "store/internal/fault"},
		"store/postgres":        {"comity", "ledger", "store", "store/internal/index", "store/internal/fault"},
		"store/internal/index":  {"comity", "store"},
		"store/internal/fault":  {"comity"},
		"ingest":                {"comity", "stix", "formats", "extract"},
		"federation":            {"comity", "ledger", "policy"},
		"node":                  {"comity", "stix", "extract", "formats", "policy", "ledger", "store", "store/sqlite", "store/postgres", "ingest", "federation", "taxii"},
		"taxii":                 {"comity", "stix"},
		"i18n":                  {"comity"},
		"api":                   {"comity", "node", "i18n", "store"},
		"web":                   {"comity", "node", "i18n", "store"},
		"cmd/comity":            {"comity", "node", "web", "api", "i18n", "store", "taxii"},
		"internal/testkit":      {"*"},
		"internal/testkit/port": {"*"},
		"internal/testkit/pg":   {"*"},
		"internal/testkit/data": {"*"},
		"internal/house":        {"*"},
		"internal/bench":        {"*"},
	}
}

func TestImports(t *testing.T) {
	allowed := mayImport()
	for _, f := range files(t) {
		if f.test {
			continue
		}
		from := f.pkg
		if from == "." {
			from = "comity"
		}
		may, known := allowed[from]
		if !known {
			t.Errorf("%s: package %s is not in the table of ARCHITECTURE.md; add it there and here", f.path, from)
			continue
		}
		for _, im := range f.ast.Imports {
			path, _ := strconv.Unquote(im.Path.Value)
			if path == "C" {
				t.Errorf("%s imports C: there is no cgo here", f.path)
			}
			if path != module && !strings.HasPrefix(path, module+"/") {
				continue
			}
			to := strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
			if to == "" {
				to = "comity"
			}
			if !slices.Contains(may, to) && !slices.Contains(may, "*") {
				t.Errorf("%s: %s may not import %s", f.path, from, to)
			}
		}
	}
}

// The root package is nouns only: the standard library and no I/O.
func TestRootImportsOnlyPlainStandardLibrary(t *testing.T) {
	fine := []string{"context", "errors", "fmt", "net/url", "strings", "time", "slices", "strconv"} // of net/url the query form only: it does no I/O
	for _, f := range files(t) {
		if f.pkg != "." || f.test {
			continue
		}
		for _, im := range f.ast.Imports {
			path, _ := strconv.Unquote(im.Path.Value)
			if !slices.Contains(fine, path) {
				t.Errorf("%s imports %s", f.path, path)
			}
		}
	}
}

var tableRow = regexp.MustCompile("(?m)^\\| `([^`]+)`[^|]*\\|[^|]*\\|([^|]*)\\|$")

// The table people read is the table that is checked.
func TestArchitectureTableIsTheCheckedOne(t *testing.T) {
	doc := map[string][]string{}
	for _, m := range tableRow.FindAllStringSubmatch(read(t, "ARCHITECTURE.md"), -1) {
		var may []string
		for _, w := range strings.Split(m[2], ",") {
			w = strings.Trim(strings.TrimSpace(w), "`")
			switch w {
			case "–", "":
			case "anything":
				may = append(may, "*")
			default:
				may = append(may, w)
			}
		}
		doc[m[1]] = may
	}
	for pkg, may := range mayImport() {
		got, ok := doc[pkg]
		if !ok {
			t.Errorf("ARCHITECTURE.md has no row for %s", pkg)
			continue
		}
		slices.Sort(got)
		slices.Sort(may)
		if !slices.Equal(got, may) {
			t.Errorf("%s: ARCHITECTURE.md allows %v, the test %v", pkg, got, may)
		}
		delete(doc, pkg)
	}
	for pkg := range doc {
		t.Errorf("ARCHITECTURE.md has a row for %s, which the test does not know", pkg)
	}
}

// The edges may name the records that views carry, never a store itself: all
// reading goes through the use cases of package node, which ask the policy.
func TestEdgesNeverHoldAStore(t *testing.T) {
	records := []string{"Version", "Query", "Collection", "Source", "User", "Signature", "AgreementRecord", "Entry", "OID", "Member"}
	use := regexp.MustCompile(`\bstore\.([A-Z]\w*)`)
	for _, f := range files(t) {
		if f.test || (f.pkg != "api" && f.pkg != "web" && f.pkg != "cmd/comity") {
			continue
		}
		for _, m := range use.FindAllStringSubmatch(read(t, f.path), -1) {
			if !slices.Contains(records, m[1]) {
				t.Errorf("%s uses store.%s; only the records %v may stand at an edge", f.path, m[1], records)
			}
		}
	}
}
