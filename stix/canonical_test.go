package stix_test

import (
	"testing"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/stix"
)

// The ids of addresses, domain, URL, AS and directory are those of Errata 01 of
// STIX 2.1 or of other implementations that agree with it: the first edition
// had computed many of its examples wrongly (ff26c055 for 198.51.100.3). file
// and windows-registry-key are from the tests of the OASIS Python library. The
// rest only guards against change.
func TestCanonicalID(t *testing.T) {
	tests := []struct{ raw, want string }{
		{`{"type":"ipv4-addr","value":"198.51.100.3"}`, "ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4"},
		{`{"type":"ipv6-addr","value":"2001:0db8:85a3:0000:0000:8a2e:0370:7334"}`, "ipv6-addr--85a85a8c-ee99-5722-946d-3c3a3270fc6f"},
		{`{"type":"domain-name","value":"example.com","resolves_to_refs":[]}`, "domain-name--bedb4899-d24b-5401-bc86-8f6b4cc18ec7"},
		{`{"type":"url","value":"https:\/\/example.com/research/index.html"}`, "url--47c3cf9a-5027-5bf0-997a-017c7edc7c55"},
		{`{"type":"email-addr","value":"john@example.com","display_name":"John Doe"}`, "email-addr--7165e2a9-671f-585d-b1e1-ca59c671d934"},
		{`{"type":"mac-addr","value":"d2:fb:49:24:37:18"}`, "mac-addr--757b1725-9903-54f5-a855-1240691d7659"},
		{`{"type":"mutex","name":"__CLEANSWEEP__"}`, "mutex--f93fe911-e545-5239-b9b0-597840d0c871"},
		{`{"type":"autonomous-system","number":15139,"name":"Slime Industries"}`, "autonomous-system--3aa27478-50b5-5ab8-9da9-cdc12b657fff"},
		{`{"type":"directory","path":"C:\\Windows\\System32"}`, "directory--0a58d0c1-59e6-5afd-8252-dcd3f13e5622"},
		{`{"type":"network-traffic","src_ref":"ipv4-addr--4d22aae0-2bf9-5427-8819-e4f6abf20a53","dst_ref":"ipv4-addr--ff26c055-6336-5bc5-b98d-13d6226742dd","protocols":["tcp"]}`, "network-traffic--6e0cb830-0305-57d4-8536-7be874d42005"},
		{`{"type":"file","name":"example.exe","size":68000,"magic_number_hex":"50000000","hashes":{"SHA-256":"841a8921140aba50671ebb0770fecc4ee308c4952cfeff8de154ab14eeef4649"},
			"extensions":{"windows-pebinary-ext":{"pe_type":"exe","machine_hex":"014c","sections":[{"name":".data","size":4096,"entropy":7.980693,
			"hashes":{"SHA-256":"6e3b6f3978e5cd96ba7abee35c24e867b7e64072e2ecb22d0ee7a6e6af6894d0"}}]}}}`, "file--ced31cd4-bdcb-537d-aefa-92d291bfc11d"},
		{`{"type":"windows-registry-key","values":[{"name":"Foo","data":"qwerty"},{"data":"42","name":"Bar"}]}`, "windows-registry-key--36594eba-bcc7-5014-9835-0e154264e588"},
	}
	for _, tt := range tests {
		if got, ok := stix.CanonicalID([]byte(tt.raw)); !ok || string(got) != tt.want {
			t.Errorf("%s\n got %s\nwant %s", tt.raw, got, tt.want)
		}
	}
	for _, raw := range []string{`{"type":"process","pid":1}`, `{"type":"email-message","is_multipart":false}`, `{"type":"malware","name":"x"}`,
		`{"type":"file","hashes":{}}`, `{"type":"file","name":null}`, `[]`, `{`, ``} {
		if id, ok := stix.CanonicalID([]byte(raw)); ok {
			t.Errorf("CanonicalID(%s) = %s", raw, id)
		}
	}
}

func TestCanonicalHashChoice(t *testing.T) {
	const md5, sha = `"MD5":"d41d8cd98f00b204e9800998ecf8427e"`, `"SHA-256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"`
	id := func(hashes string) comity.ObjectID {
		id, _ := stix.CanonicalID([]byte(`{"type":"file","hashes":{` + hashes + `}}`))
		return id
	}
	if id(md5+","+sha) != id(md5) || id(sha+","+md5) != id(md5) || id(sha) == id(md5) {
		t.Error("MD5 does not come first")
	}
	if id(`"SSDEEP":"3:a:b","`+`TLSH":"T1"`) != id(`"SSDEEP":"3:a:b"`) {
		t.Error("of the rest the first does not count")
	}
}

func TestForeignSCOIDIsKept(t *testing.T) {
	raw := []byte(`{"type":"ipv4-addr","spec_version":"2.1","id":"ipv4-addr--11111111-1111-5111-8111-111111111111","value":"198.51.100.3"}`)
	for _, mode := range []comity.Mode{comity.Strict, comity.Standard, comity.Lenient} {
		o, rep := stix.Parse(raw, stix.Options{Mode: mode})
		if rep.Outcome != comity.Warned || rep.Findings[0].Rule != "sco-id" {
			t.Errorf("mode %d: %v %v", mode, rep.Outcome, rep.Findings)
		}
		if o.ID != "ipv4-addr--11111111-1111-5111-8111-111111111111" || o.Canonical != "ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4" {
			t.Errorf("id %s canonical %s", o.ID, o.Canonical)
		}
	}
}
