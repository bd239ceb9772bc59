package stix_test

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"
	"unicode/utf8"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/stix"
)

func FuzzParse(f *testing.F) {
	for _, tt := range verdicts {
		f.Add(object(tt.typ, tt.with), uint8(0))
	}
	f.Add([]byte(`{"type":"file","hashes":{"MD5":"`+"\\u0000"+`"},"name":"\u0000a"}`), uint8(2))
	f.Fuzz(func(t *testing.T, raw []byte, mode uint8) {
		in := bytes.Clone(raw)
		o, rep := stix.Parse(raw, stix.Options{Mode: comity.Mode(mode % 3)})
		if !bytes.Equal(o.Raw, in) || !bytes.Equal(raw, in) {
			t.Fatal("raw changed")
		}
		refuses := false
		for _, x := range rep.Findings {
			refuses = refuses || x.Refuses
			if x.Rule == "" || x.Section == "" || x.Msg.Key == "" || !utf8.ValidString(x.Path) {
				t.Fatalf("finding %+v", x)
			}
		}
		if refuses != (rep.Outcome == comity.Refused) || (len(rep.Findings) == 0) != (rep.Outcome == comity.Accepted) {
			t.Fatalf("%v with %+v", rep.Outcome, rep.Findings)
		}
		if rep.Outcome != comity.Refused {
			accepted(t, in, o)
		}
		stix.CanonicalID(raw)
		stix.DefinedTLP(&o)
	})
}

// accepted checks what must hold of an object that was not refused.
func accepted(t *testing.T, raw []byte, o comity.Object) {
	var v map[string]any
	if !json.Valid(raw) || json.Unmarshal(raw, &v) != nil {
		t.Fatalf("accepted what is no JSON: %q", raw)
	}
	if o.ID == "" || o.Type == "" || o.ID.Type() != o.Type {
		t.Fatalf("accepted type %q id %q", o.Type, o.ID)
	}
	if refs, ok := v["object_marking_refs"].([]any); ok && len(refs) != len(o.Markings) {
		t.Fatalf("%d markings of %d", len(o.Markings), len(refs))
	}
	if g, ok := v["granular_markings"].([]any); ok && len(g) != len(o.Granular) {
		t.Fatalf("%d granular markings of %d", len(o.Granular), len(g))
	}
	for _, m := range o.Markings {
		if l, ok := stix.TLPOf(m); ok && o.TLP < l {
			t.Fatalf("TLP %v with a marking %v", o.TLP, l)
		}
	}
	if bytes.IndexByte([]byte(o.Name+o.Text), 0) >= 0 || !utf8.ValidString(o.Name) || !utf8.ValidString(o.Text) {
		t.Fatalf("name %q text %q", o.Name, o.Text)
	}
	if out, err := stix.NewVersion(raw, o.Modified, stix.Changes{Revoke: true, TLP: comity.Red}); err == nil {
		n, rep := stix.Parse(out, stix.Options{Mode: comity.Lenient})
		if rep.Outcome == comity.Refused || n.ID != o.ID || !n.Revoked || n.TLP != comity.Red || !n.Modified.After(o.Modified) && n.Versioned() {
			t.Fatalf("new version of %s is %s: %v", raw, out, rep)
		}
	}
	seen := map[comity.Ref]bool{}
	for _, r := range o.Refs {
		if seen[r] {
			t.Fatalf("reference %v twice", r)
		}
		seen[r] = true
	}
}

func FuzzReader(f *testing.F) {
	for _, tt := range streams {
		f.Add([]byte(tt.in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r := stix.NewReader(bytes.NewReader(in), stix.Limits{MaxObject: 1000})
		last := int64(-1)
		for n := 0; ; n++ {
			it, err := r.Next()
			if err != nil {
				if err != io.EOF && comity.ErrorKind(err) != comity.Invalid {
					t.Fatalf("ended with %v", err)
				}
				return
			}
			if n > len(in) {
				t.Fatal("more items than bytes")
			}
			if it.Offset <= last || it.Offset >= int64(len(in)) {
				t.Fatalf("offset %d after %d", it.Offset, last)
			}
			last = it.Offset
			if !bytes.HasPrefix(in[it.Offset:], it.Raw) {
				t.Fatalf("%q does not stand at %d", it.Raw, it.Offset)
			}
			if it.Report.Outcome == comity.Refused && len(it.Report.Findings) == 0 {
				t.Fatal("refused without a finding")
			}
			stix.Parse(it.Raw, stix.Options{Own: true})
		}
	})
}
