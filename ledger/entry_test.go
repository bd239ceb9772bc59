package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/comity-net/comity"
)

func drawEntry(t *rapid.T) Entry {
	e := Entry{
		K: rapid.SampledFrom([]comity.EntryKind{"put", "put", "revoke", "erase", "mark", "ctl", "later"}).Draw(t, "k"),
		H: comity.Handle(rapid.StringMatching(`[A-Za-z0-9_-]{16}`).Draw(t, "h")),
		R: rapid.Int64Range(1, 1<<62).Draw(t, "r"),
		M: comity.TLP(rapid.IntRange(1, 5).Draw(t, "m")),
	}
	if e.K == comity.EntryPut {
		copy(e.C[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "c"))
		e.S = rapid.Int64Range(0, MaxPayload).Draw(t, "s")
		return e
	}
	e.Why = rapid.String().Draw(t, "why")
	e.Must = rapid.Bool().Draw(t, "must")
	if e.K == comity.EntryCtl {
		e.H, e.R, e.M, e.Ctl = "", 0, 0, []byte(`{"stream":"end"}`)
	}
	return e
}

func TestEntryRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := drawEntry(t)
		b, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseEntry(b)
		if err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if d := cmp.Diff(e, got); d != "" {
			t.Fatalf("%s\n%s", b, d)
		}
	})
}

// INVARIANT: the quick reader of plain entries and the strict parser read the
// same, also when a byte is off.
func TestPlainPut(t *testing.T) {
	taken := 0
	rapid.Check(t, func(t *rapid.T) {
		e := drawEntry(t)
		b, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "damage") {
			b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] = rapid.SampledFrom([]byte(" \n0Aa\"\\{}:,é")).Draw(t, "byte")
		}
		quick, ok := parsePlainPut(b)
		if !ok {
			return
		}
		taken++
		var w wireEntry
		if err := parseObject(b, &w); err != nil {
			t.Fatalf("%s: quick reader accepts, parser says %v", b, err)
		}
		if full, wrong := w.entry(); wrong != "" || cmp.Diff(quick, full) != "" {
			t.Fatalf("%s: wrong %q\n%s", b, wrong, cmp.Diff(quick, full))
		}
	})
	if taken == 0 {
		t.Error("the quick reader took nothing: it is dead code")
	}
}

func TestPlainPutTakesWhatEncodeWrites(t *testing.T) {
	e := Entry{K: comity.EntryPut, H: "3vK0Yx2mQ9aLr7Tz", R: 3, M: comity.Amber, C: leafN(1, 1), S: 774}
	b, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"v":1,"k":"put","h":"3vK0Yx2mQ9aLr7Tz","r":3,"m":"amber","c":"` + base64.RawStdEncoding.EncodeToString(e.C[:]) + `","s":774}`
	if string(b) != want {
		t.Errorf("entry is\n%s, want\n%s", b, want)
	}
	if _, ok := parsePlainPut(b); !ok {
		t.Errorf("quick reader does not take %s", b)
	}
}

func TestParseEntryRefuses(t *testing.T) {
	c := strings.Repeat("A", 43)
	ok := `{"v":1,"k":"put","h":"3vK0Yx2mQ9aLr7Tz","r":3,"m":"amber","c":"` + c + `","s":774}`
	if _, err := ParseEntry([]byte(ok)); err != nil {
		t.Fatal(err)
	}
	swap := func(old, new string) string { return strings.Replace(ok, old, new, 1) }
	for name, in := range map[string]string{
		"empty":             ``,
		"no object":         `[]`,
		"two values":        ok + ok,
		"version 2":         swap(`"v":1`, `"v":2`),
		"no version":        swap(`"v":1,`, ``),
		"duplicate key":     swap(`"r":3`, `"r":3,"r":4`),
		"escaped duplicate": swap(`"r":3`, `"r":3,"\u0072":4`),
		"no kind":           swap(`"k":"put",`, ``),
		"no handle":         swap(`"h":"3vK0Yx2mQ9aLr7Tz","r":3,`, ``),
		"short handle":      swap(`3vK0Yx2mQ9aLr7Tz`, `3vK0Yx2mQ9aLr7T`),
		"handle alphabet":   swap(`3vK0Yx2mQ9aLr7Tz`, `3vK0Yx2mQ9aLr7T/`),
		"revision 0":        swap(`"r":3`, `"r":0`),
		"leading zero":      swap(`"r":3`, `"r":03`),
		"size with zero":    swap(`774`, `0774`),
		"revision float":    swap(`"r":3`, `"r":3.5`),
		"revision negative": swap(`"r":3`, `"r":-3`),
		"unknown label":     swap(`amber`, `purple`),
		"loud label":        swap(`amber`, `TLP:AMBER`),
		"no label":          swap(`"m":"amber",`, ``),
		"no commitment":     swap(`"c":"`+c+`",`, ``),
		"long commitment":   swap(c, c+"A"),
		"loose commitment":  swap(c, c[:42]+"B"), // last two bits are not zero
		"commitment break":  swap(c, c[:41]+`\n`+"A"),
		"no size":           swap(`,"s":774`, ``),
		"negative size":     swap(`774`, `-774`),
		"huge size":         swap(`774`, `16777217`),
		"bad utf-8":         swap(`}`, ",\"why\":\"\xff\"}"),
		"revoke with c":     swap(`"k":"put"`, `"k":"revoke"`),
		"mark without m":    `{"v":1,"k":"mark","h":"3vK0Yx2mQ9aLr7Tz","r":3}`,
		"erase without h":   `{"v":1,"k":"erase"}`,
		"ctl with c":        `{"v":1,"k":"ctl","c":"` + c + `"}`,
		"deep":              `{"v":1,"k":"ctl","ctl":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`,
		"over 64 KiB":       swap(`}`, `,"why":"`+strings.Repeat("x", 70000)+`"}`),
	} {
		e, err := ParseEntry([]byte(in))
		if err == nil {
			t.Errorf("%s: accepted as %+v", name, e)
		}
		fits(t, err)
	}
}

func TestParseEntryKeepsTheUnknown(t *testing.T) {
	e, err := ParseEntry([]byte(`{"v":1,"k":"seal","must":true,"new":{"a":[1]},"h":"3vK0Yx2mQ9aLr7Tz","r":1}`))
	if err != nil || e.K != "seal" || !e.Must {
		t.Errorf("%+v %v", e, err)
	}
}

func TestHeaderRoundTrip(t *testing.T) {
	text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z-]{1,40}`))
	rapid.Check(t, func(t *rapid.T) {
		h := Header{O: comity.ObjectID("x" + text.Draw(t, "o")), X: text.Draw(t, "x"), G: comity.MemberID(text.Draw(t, "g")), F: MediaSTIX, Sig: text.Draw(t, "sig")}
		got, err := ParseHeader(h.Encode())
		if err != nil {
			t.Fatalf("%s: %v", h.Encode(), err)
		}
		if got != h {
			t.Fatalf("%+v became %+v", h, got)
		}
	})
}

// INVARIANT: the quick reader of plain headers and the strict parser agree.
func TestPlainHeader(t *testing.T) {
	h := Header{O: "indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f", F: MediaSTIX}
	want := `{"o":"indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f","x":"","f":"application/stix+json;version=2.1"}` + "\n"
	if string(h.Encode()) != want {
		t.Fatalf("header is %s", h.Encode())
	}
	if got, ok := parsePlainHeader([]byte(want)); !ok || got != h {
		t.Fatalf("quick reader gives %+v %v", got, ok)
	}
	for i := range want {
		for _, c := range []byte("\"\\\n x{}\x80") {
			b := []byte(want)
			b[i] = c
			quick, ok := parsePlainHeader(b)
			if !ok {
				continue
			}
			var w map[string]any
			if err := parseObject(b, &w); err != nil || w["o"] != string(quick.O) || w["f"] != quick.F {
				t.Fatalf("%s: quick reader gives %+v, parser %v %v", b, quick, w, err)
			}
		}
	}
}

func TestParseHeaderRefuses(t *testing.T) {
	for name, in := range map[string]string{
		"empty":         "",
		"no newline":    `{"o":"a","f":"b"}`,
		"two newlines":  "{\"o\":\"a\",\n\"f\":\"b\"}\n",
		"no object":     `{"f":"b"}` + "\n",
		"no media type": `{"o":"a"}` + "\n",
		"duplicate":     `{"o":"a","o":"b","f":"c"}` + "\n",
		"too long":      `{"o":"a","f":"b","y":"` + strings.Repeat("x", maxHeader) + "\"}\n",
	} {
		if h, err := ParseHeader([]byte(in)); err == nil {
			t.Errorf("%s: accepted as %+v", name, h)
		}
	}
}

// INVARIANT: a commitment is SHA-256 over tag, nonce, header, payload, and any
// changed byte changes it.
func TestCommitment(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nonce := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "nonce")
		header := Header{O: "a--b", F: "t"}.Encode()
		payload := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "payload")
		all := bytes.Join([][]byte{[]byte("comity/commit/v1\n"), nonce, header, payload}, nil)
		want := comity.Hash(sha256.Sum256(all))
		if got := Commitment(nonce, header, payload); got != want {
			t.Fatalf("got %x want %x", got, want)
		}
		part := rapid.SampledFrom([][]byte{nonce, header, payload}).Draw(t, "part")
		if len(part) == 0 {
			return
		}
		part[rapid.IntRange(0, len(part)-1).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t, "xor"))
		if Commitment(nonce, header, payload) == want {
			t.Fatal("a changed byte goes unseen")
		}
	})
	long := bytes.Repeat([]byte("x"), 40)
	if Commitment(long, nil, nil) == Commitment(long[:32], nil, nil) {
		t.Error("a nonce that is too long hashes as a right one")
	}
}

func TestDraws(t *testing.T) {
	r := rand.NewChaCha8([32]byte{1})
	h, err := NewHandle(r)
	if err != nil || !validHandle(h) {
		t.Errorf("handle %q %v", h, err)
	}
	n, err := NewNonce(r)
	if err != nil || len(n) != 32 {
		t.Errorf("nonce %x %v", n, err)
	}
	if _, err := NewNonce(bytes.NewReader(n[:31])); err == nil {
		t.Error("a short source of randomness is accepted")
	}
	if _, err := NewHandle(bytes.NewReader(nil)); err == nil {
		t.Error("an empty source of randomness is accepted")
	}
}

func TestLeafHash(t *testing.T) {
	for _, n := range []int{0, 1, 100, 510, 511, 512, 513, 5000} {
		b := bytes.Repeat([]byte("e"), n)
		if got, want := LeafHash(b), comity.Hash(sha256.Sum256(append([]byte{0}, b...))); got != want {
			t.Errorf("%d bytes: %x want %x", n, got, want)
		}
	}
}
