package node_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

// dated is labelled with another day of modification and name.
func dated(i, day int, tlp comity.TLP, name string) []byte {
	return bytes.Replace(labelled(i, tlp), []byte(`"modified":"2026-01-01T00:00:00.000Z"`),
		fmt.Appendf(nil, `"modified":"2026-01-%02dT00:00:00.000Z","name":"%s"`, day, name), 1)
}

// inbox is a node with a collection in which two constituents read and write.
func inbox(t *testing.T) (ana, con, two exchangeOf) {
	ana = taxiiOf(t, node.TaxiiOptions{})
	makeCollection(t, ana.n, "inbox")
	makeCollection(t, ana.n, "elsewhere")
	if err := ana.n.OpenCollection(t.Context(), admin, "inbox", node.Opening{To: node.RoleConstituent, Write: true}); err != nil {
		t.Fatal(err)
	}
	return ana, ana.as("con", node.RoleConstituent), ana.as("two", node.RoleConstituent)
}

const inboxObjects = "/taxii2/api/collections/inbox/objects/"

// Somebody outside versions what came from itself alone.
func TestTaxiiOutsideVersionsItsOwn(t *testing.T) { both(t, taxiiOutsideVersions) }

func taxiiOutsideVersions(t *testing.T) {
	ana, con, two := inbox(t)
	if st := ana.post("inbox", labelled(1, comity.Green)); st.Success != 1 {
		t.Fatalf("%+v", st)
	}
	if st := con.post("inbox", labelled(2, comity.Green)); st.Success != 1 {
		t.Fatalf("%+v", st)
	}
	refused := func(st statusJSON) {
		t.Helper()
		if st.Success != 0 || st.Failure != 1 || !strings.Contains(st.Failures[0].Message, "[creator ") {
			t.Errorf("%+v", st)
		}
	}
	refused(con.post("inbox", dated(1, 2, comity.Green, "x")))
	refused(two.post("inbox", dated(2, 2, comity.Green, "x")))
	// The very bytes are welcome, and so is a version by who gave the first.
	if st := two.post("inbox", labelled(1, comity.Green), labelled(2, comity.Green)); st.Success != 2 {
		t.Errorf("%+v", st)
	}
	if st := con.post("inbox", dated(2, 3, comity.Green, "mine")); st.Success != 1 {
		t.Errorf("%+v", st)
	}
	// Another creator's name does not do.
	other := bytes.Replace(dated(2, 4, comity.Green, "x"), []byte(`"created":`), []byte(`"created_by_ref":"identity--0b1f9a58-3a3c-4b8e-9f4a-6a3b8f6f1a10","created":`), 1)
	refused(con.post("inbox", other))
	if st := ana.post("inbox", dated(1, 5, comity.Green, "ours")); st.Success != 1 {
		t.Errorf("this node's people: %+v", st)
	}
	sameObjects(t, con.pages(inboxObjects, 10), [][]byte{dated(2, 3, comity.Green, "mine"), dated(1, 5, comity.Green, "ours")})
}

// What a caller may not see answers a post as if it were not there.
func TestTaxiiPostTellsNothingOfTheHidden(t *testing.T) { both(t, taxiiPostTellsNothing) }

func taxiiPostTellsNothing(t *testing.T) {
	ana, con, _ := inbox(t)
	ana.post("inbox", dated(1, 1, comity.AmberStrict, "held")) // hidden by its label
	ana.post("elsewhere", dated(2, 1, comity.Green, "held"))   // hidden by its place
	ana.post("inbox", dated(3, 1, comity.Green, "held"))       // to be seen
	revoked := bytes.Replace(dated(4, 1, comity.AmberStrict, "held"), []byte(`"name"`), []byte(`"revoked":true,"name"`), 1)
	ana.post("inbox", revoked)
	before := con.pages(inboxObjects, 10)
	type answer struct {
		success bool
		version string
	}
	ask := func(o []byte) answer {
		t.Helper()
		st := con.post("inbox", o)
		if d := slices.Concat(st.Successes, st.Failures); len(d) == 1 && d[0].ID == idOf(o) && st.Total == 1 {
			return answer{st.Success == 1, d[0].Version}
		}
		t.Fatalf("%+v", st)
		return answer{}
	}
	for _, i := range []int{1, 2, 4} {
		for _, day := range []int{1, 2} { // a conflict, and a new version
			if got := ask(dated(i, day, comity.Green, "other")); got != ask(dated(50+i, day, comity.Green, "other")) || !got.success {
				t.Errorf("%d on day %d: %+v", i, day, got)
			}
		}
	}
	for _, day := range []int{1, 2} {
		if got := ask(dated(3, day, comity.Green, "other")); got.success {
			t.Errorf("day %d: %+v", day, got)
		}
	}
	after := con.pages(inboxObjects, 20)
	if len(before) != 1 || len(after) != 1+3 {
		t.Errorf("%d and %d objects are read, want 1 and 4", len(before), len(after))
	}
	// This node's own people are told, and nothing was changed.
	posts, err := ana.n.TaxiiPosts(t.Context(), admin, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	refused := int64(0)
	for _, p := range posts {
		im, err := ana.n.ImportByID(t.Context(), string(p.Import))
		if err != nil {
			t.Fatal(err)
		}
		refused += im.Refused
	}
	if refused != 8 {
		t.Errorf("%d refused objects are listed, want 8", refused)
	}
	for i := 1; i <= 2; i++ {
		d, err := ana.n.Show(t.Context(), comity.ObjectID(idOf(labelled(i, comity.Green))))
		if err != nil || !strings.Contains(string(d.Object.Raw), `"held"`) {
			t.Errorf("object %d: %v %s", i, err, d.Object.Raw)
		}
	}
}

// Where no STIX version is named, each object comes in the newest that it has.
func TestTaxiiNewestSpecVersion(t *testing.T) { both(t, taxiiNewestSpec) }

func taxiiNewestSpec(t *testing.T) {
	ana, _, _ := inbox(t)
	version := func(i, day int, spec string) []byte {
		return fmt.Appendf(nil, `{"type":"identity",%s"id":"identity--0b1f9a58-3a3c-4b8e-9f4a-6a3b8f6f1a%02d","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-%02dT00:00:00.000Z","name":"v%d","identity_class":"group"}`, spec, i, day, day)
	}
	const new = `"spec_version":"2.1",`
	all := [][]byte{
		version(50, 1, ""), version(50, 2, new), version(50, 3, new), version(50, 4, ""), // newer, but of 2.0
		version(51, 1, ""), version(51, 2, ""), // of 2.0 alone
		version(52, 1, new),
	}
	for _, o := range all {
		if st := ana.post("inbox", o); st.Success != 1 {
			t.Skipf("2.0 is not taken: %+v", st.Failures)
		}
	}
	for query, want := range map[string][]int{
		"":                                     {2, 5, 6},
		"?match[version]=last":                 {2, 5, 6},
		"?match[version]=first":                {1, 4, 6},
		"?match[version]=first,last":           {1, 2, 4, 5, 6},
		"?match[version]=all":                  {1, 2, 4, 5, 6},
		"?match[version]=2026-01-01T00:00:00Z": {4, 6},
		"?match[version]=all&match[spec_version]=2.0":     {0, 3, 4, 5},
		"?match[spec_version]=2.0":                        {3, 5},
		"?match[spec_version]=2.1":                        {2, 6},
		"?match[spec_version]=2.0&match[version]=first":   {0, 4},
		"?match[spec_version]=2.0,2.1&match[version]=all": {0, 1, 2, 3, 4, 5, 6},
	} {
		var objects [][]byte
		for _, i := range want {
			objects = append(objects, all[i])
		}
		t.Run(query, func(t *testing.T) {
			x := ana
			x.t = t
			sameObjects(t, x.pages(inboxObjects+query, 2), objects)
			if got := len(x.pages(strings.Replace(inboxObjects, "objects", "manifest", 1)+query, 2)); got != len(want) {
				t.Errorf("manifest of %d, want %d", got, len(want))
			}
		})
	}
}
