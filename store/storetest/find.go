package storetest

import (
	"fmt"
	"slices"

	"github.com/google/go-cmp/cmp"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

func findTests() []subtest {
	return []subtest{
		{"values", findValues},
		{"addresses in blocks", findBlocks},
		{"lookup bounds", findBounds},
		{"references", findRefs},
		{"text in six languages", findText},
		{"text of many", findTextOfMany},
		{"text of current versions only", findTextCurrent},
	}
}

func valued(id string, values ...comity.Value) comity.Object {
	o := object(id, 1)
	o.Values = values
	return o
}

func findValues(k *kit) {
	shared := comity.Value{Kind: comity.ValueDomain, Text: "evil.example"}
	puts := k.put(local(),
		valued("indicator--1", shared, comity.Value{Kind: comity.ValueName, Text: "зло"}),
		valued("indicator--2", shared, shared),
		valued("indicator--3", comity.Value{Kind: comity.ValueURL, Text: "evil.example"}))
	hits := k.lookup(comity.ValueDomain, "unknown.example", "evil.example")
	if len(hits) != 2 || hits[0].Version.OID != puts[1].OID || hits[1].Version.OID != puts[0].OID {
		k.Fatalf("hits: %+v", hits)
	}
	if hits[0].Value != shared || hits[0].Version.Raw != nil {
		k.Errorf("hit: %+v", hits[0])
	}
	if hits := k.lookup(comity.ValueName, "зло"); len(hits) != 1 {
		k.Errorf("name: %+v", hits)
	}
	k.setState(puts[1].OID, comity.StateRevoked)
	if n := len(k.lookup(comity.ValueDomain, "evil.example")); n != 2 {
		k.Errorf("%d hits with a revoked one, want 2", n)
	}
	k.setState(puts[1].OID, comity.StateErased)
	if n := len(k.lookup(comity.ValueDomain, "evil.example")); n != 1 {
		k.Errorf("%d hits after erasure, want 1", n)
	}
}

func findBlocks(k *kit) {
	v4 := func(s string) comity.Value { return comity.Value{Kind: comity.ValueIPv4, Text: s} }
	v6 := func(s string) comity.Value { return comity.Value{Kind: comity.ValueIPv6, Text: s} }
	k.put(local(),
		valued("a--1", v4("198.51.100.7")), valued("a--2", v4("198.51.100.0/24")), valued("a--3", v4("198.51.0.0/16")),
		valued("a--4", v4("0.0.0.0/0")), valued("a--5", v4("203.0.113.0/24")),
		valued("a--6", v6("2001:db8::/32")), valued("a--7", v6("2001:db8::1")))
	for ask, want := range map[comity.Value][]string{
		v4("198.51.100.7"):    {"198.51.100.7", "198.51.100.0/24", "198.51.0.0/16", "0.0.0.0/0"},
		v4("198.51.7.7"):      {"198.51.0.0/16", "0.0.0.0/0"},
		v4("198.51.100.0/24"): {"198.51.100.0/24"},
		v6("2001:db8::1"):     {"2001:db8::1", "2001:db8::/32"},
		v6("2001:db9::1"):     nil,
		v4("not an address"):  nil,
	} {
		var got []string
		for _, h := range k.lookup(ask.Kind, ask.Text) {
			got = append(got, h.Value.Text)
		}
		if !slices.Equal(got, want) {
			k.Errorf("%s: %v, want %v", ask.Text, got, want)
		}
	}
}

func findBounds(k *kit) {
	v := comity.Value{Kind: comity.ValueHash, Text: "abcd"}
	var objs []comity.Object
	for i := range 20 {
		objs = append(objs, valued(fmt.Sprintf("file--%d", i), v))
	}
	k.put(local(), objs...)
	k.view(func(r store.Reader) error {
		hits, err := r.Lookup(k.ctx, []comity.Value{v}, 5)
		if len(hits) != 5 || hits[0].Version.ID != "file--19" {
			k.Errorf("%d hits, first %v", len(hits), hits[0].Version.ID)
		}
		_, tooMany := r.Lookup(k.ctx, make([]comity.Value, 1001), 5)
		k.wantKind(tooMany, comity.TooLarge)
		return err
	})
}

func findRefs(k *kit) {
	o := object("relationship--1", 1)
	o.Refs = []comity.Ref{{Kind: "source_ref", Target: "malware--1"}, {Kind: "target_ref", Target: "tool--1"}, {Kind: "x_ref", Target: "malware--1"}}
	oid := k.put1(local(), o, store.FateNew)
	edge := func(kind string, to comity.ObjectID) store.Edge {
		return store.Edge{From: oid, FromID: "relationship--1", FromType: "relationship", Kind: kind, To: to}
	}
	check := func(from, to []store.Edge) {
		k.Helper()
		k.view(func(r store.Reader) error {
			got, err := r.RefsTo(k.ctx, "malware--1", 10)
			if len(got) != len(to) || len(to) > 0 && cmp.Diff(to, got) != "" {
				k.Errorf("to: %v", got)
			}
			if err != nil {
				return err
			}
			got, err = r.RefsFrom(k.ctx, oid)
			if len(got) != len(from) || len(from) > 0 && cmp.Diff(from, got) != "" {
				k.Errorf("from: %v", got)
			}
			return err
		})
	}
	check([]store.Edge{edge("source_ref", "malware--1"), edge("target_ref", "tool--1"), edge("x_ref", "malware--1")},
		[]store.Edge{edge("source_ref", "malware--1"), edge("x_ref", "malware--1")})
	k.put1(local(), object("relationship--1", 2), store.FateNewer)
	check(nil, nil)
}

// texts are one sentence in each of the six languages.
func texts() map[string]string {
	return map[string]string{
		"report--ar": "هجومٌ إلكتروني على شبكة الكهرباء",
		"report--zh": "针对能源部门的漏洞利用活动",
		"report--en": "Ransomware against the energy sector: CVE-2024-1234",
		"report--fr": "Rançongiciel contre le secteur de l’énergie",
		"report--ru": "Вымогательское ПО против энергетики, ещё раз",
		"report--es": "Campaña de phishing contra el sector energético",
	}
}

func findText(k *kit) {
	for id, text := range texts() {
		o := object(id, 1)
		o.Name, o.Text = "", text
		k.put(local(), o)
	}
	named := object("intrusion-set--1", 1)
	named.Name, named.Text = "APT Sector", "APT Sector"
	k.put(local(), named)
	k.put(local(), valued("x--last", comity.Value{}))
	for words, want := range map[string][]string{
		"هجوم الكهرباء":    {"report--ar"}, // without the vowel sign
		"漏洞利用":             {"report--zh"},
		"漏洞":               {"report--zh"},
		"漏":                {"report--zh"},
		"洞漏":               nil,
		"RANSOM energy":    {"report--en"},
		"ransomware phish": nil,
		"cve-2024-1234":    {"report--en"},
		"rancon":           {"report--fr"},
		"énergie":          {"report--fr"},
		"ЭНЕРГЕТИК":        {"report--ru"},
		"еще":              {"report--ru"},
		"campana":          {"report--es"},
		"en":               nil, // two letters are no prefix
		"":                 nil,
		`"'*()-=`:          nil,
	} {
		if got := k.search(words); !slices.Equal(got, want) {
			k.Errorf("%q: %v, want %v", words, got, want)
		}
	}
	if got := k.search("sector"); len(got) != 3 || got[0] != "intrusion-set--1" {
		k.Errorf("the name is not first: %v", got)
	}
}

// findTextOfMany stores more texts than a keeper can leave for later.
func findTextOfMany(k *kit) {
	const batches, each = 14, 2500
	for b := range batches {
		objs := make([]comity.Object, each)
		for i := range objs {
			n := b*each + i
			objs[i] = comity.Object{ID: comity.ObjectID(fmt.Sprintf("note--%d", n)), Type: "note",
				Text: fmt.Sprintf("common word%05d", n), Raw: fmt.Append(nil, n)}
		}
		k.put(local(), objs...)
	}
	for _, n := range []int{0, 1, 2500, 9999, 20000, batches*each - 1} {
		want := []string{fmt.Sprintf("note--%d", n)}
		if got := k.search(fmt.Sprintf("COMMON word%05d", n)); !slices.Equal(got, want) {
			k.Errorf("word%d: %v", n, got)
		}
	}
	if n := len(k.search("common")); n != 100 {
		k.Errorf("%d hits, want the limit of 100", n)
	}
}

func findTextCurrent(k *kit) {
	puts := k.put(local(), object("indicator--1", 1), object("indicator--2", 1))
	k.put(local(), object("indicator--1", 2))
	if got := k.search("number1"); !slices.Equal(got, []string{"indicator--2"}) {
		k.Errorf("old text: %v", got)
	}
	if got := k.search("number2"); !slices.Equal(got, []string{"indicator--1"}) {
		k.Errorf("new text: %v", got)
	}
	k.setState(puts[1].OID, comity.StateErased)
	if got := k.search("number1"); got != nil {
		k.Errorf("erased text: %v", got)
	}
}
