package node

import (
	"encoding/json"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// The walk reads what a whole reading of the JSON reads.
func TestHeadOfAgrees(t *testing.T) {
	text := rapid.OneOf(rapid.StringMatching(`[a-z0-9:.\-]{0,12}`), rapid.SampledFrom([]string{`\`, `"`, `a\"b`, "é", "\u0001", `\\`, `"}`, "2.1", "2.0"}), rapid.String())
	rapid.Check(t, func(t *rapid.T) {
		var value func(depth int) *rapid.Generator[any]
		value = func(depth int) *rapid.Generator[any] {
			leaf := rapid.OneOf(rapid.Map(text, func(s string) any { return s }), rapid.Map(rapid.Int(), func(n int) any { return n }),
				rapid.SampledFrom([]any{nil, true, 1.5}))
			if depth == 0 {
				return leaf
			}
			return rapid.OneOf(leaf, rapid.Map(rapid.SliceOfN(rapid.Deferred(func() *rapid.Generator[any] { return value(depth - 1) }), 0, 3), func(s []any) any { return s }),
				rapid.Map(rapid.MapOfN(text, rapid.Deferred(func() *rapid.Generator[any] { return value(depth - 1) }), 0, 3), func(m map[string]any) any { return m }))
		}
		in := rapid.MapOfN(rapid.OneOf(text, rapid.SampledFrom([]string{"x", "nested"})), value(2), 0, 4).Draw(t, "others")
		for _, bad := range []string{"ID", "Id", "iD", "CREATED", "MODIFIED"} {
			delete(in, bad) // encoding/json does not mind the case, STIX does
		}
		for _, name := range []string{"id", "spec_version", "created", "modified"} {
			if rapid.Bool().Draw(t, name) {
				in[name] = text.Draw(t, name+" text")
			}
		}
		var raw []byte
		var err error
		if rapid.Bool().Draw(t, "indented") {
			raw, err = json.MarshalIndent(in, " ", "\t")
		} else {
			raw, err = json.Marshal(in)
		}
		if err != nil {
			t.Fatal(err)
		}
		var want objectHead
		_ = json.Unmarshal(raw, &want)
		if got := headOf(raw); got != want {
			t.Fatalf("%s: %+v, want %+v", raw, got, want)
		}
	})
}

func FuzzHeadOf(f *testing.F) {
	for _, s := range []string{`{"id":"a","created":"b"}`, `{"x":{"y":["}",{}]},"modified":"\u0041"}`, `{`, ``, `{"a":"\\"}`, `{"id":1}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) {
			headOf(raw) // must not panic
			return
		}
		var members map[string]json.RawMessage
		if json.Unmarshal(raw, &members) != nil {
			return
		}
		h := headOf(raw)
		for name, got := range map[string]string{"id": h.ID, "created": h.Created} {
			var want string
			if err := json.Unmarshal(members[name], &want); err == nil && fmt.Sprint(got) != want {
				var folded objectHead // names that differ only in case
				_ = json.Unmarshal(raw, &folded)
				if folded.ID != got && folded.Created != got {
					t.Fatalf("%s of %q is %q, want %q", name, raw, got, want)
				}
			}
		}
	})
}
