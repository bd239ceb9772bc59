package stix

import (
	"slices"
	"testing"
)

// scanTexts are texts on both sides of every rule of JSON.
var scanTexts = []string{
	``, ` `, `{}`, `[]`, ` {"a" : [ 1 , -0.5e+3 , "x" ] } `, `{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `{"a":{"a":1}}`,
	`{"a":1,}`, `[1,]`, `[,1]`, `[1 2]`, `{"a"}`, `{"a":}`, `{a:1}`, `{"a":1`, `[[[[]]]]`, `[[[[[]]]]]`, `{"a":[{}]}`,
	`01`, `-`, `-0`, `1.`, `.5`, `1e`, `1e+`, `1E5`, `+1`, `1e400`, `truee`, `true`, `tru`, `null`, `nul`, `false`,
	`"a`, `"a\"`, `"\x"`, `"\u12"`, `"\u00e9"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ude00"`, `"\ud83dx"`, `"\ud83d\u0041"`, `"\U0041"`,
	"\"a\nb\"", "\"\x00\"", "\"\xff\"", "\"\x7f\"", "\xef\xbb\xbf{}", `{}{}`, `{} x`, "{}\n", "{}\v",
	`{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":10,"k":11,"l":12,"m":13,"n":14,"o":15,"p":16,"q":17,"c":18}`,
	`{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":10,"k":11,"l":12,"m":13,"n":14,"o":15,"p":16,"q":17,"r":18}`,
}

// sameTree asks that the quick reader and the one that explains agree.
func sameTree(t *testing.T, text string) {
	want, bad := explainTree([]byte(text), text, 4)
	got, ok := scanTree(text, 4)
	if ok != (bad == nil) {
		t.Fatalf("%q: quick %v, slow %v", text, ok, bad)
	}
	if ok && !slices.Equal(got.nodes, want.nodes) {
		t.Fatalf("%q:\n%+v\n%+v", text, got.nodes, want.nodes)
	}
}

func TestScan(t *testing.T) {
	for _, text := range scanTexts {
		sameTree(t, text)
	}
}

// INVARIANT: scanTree takes no text that buildTree refuses.
func FuzzScan(f *testing.F) {
	for _, text := range scanTexts {
		f.Add(text)
	}
	f.Fuzz(sameTree)
}
