package stix_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/stix"
)

// old20 is a bundle of STIX 2.0 with what changed in 2.1.
const old20 = `{"type":"bundle","id":"bundle--` + uuid + `","spec_version":"2.0","objects":[
{"type":"indicator","id":"indicator--` + uuid + `","created":"2018-01-02T03:04:05.678Z","modified":"2018-01-02T03:04:05.678Z",
 "labels":["malicious-activity","ours"],"valid_from":"2018-01-02T03:04:05Z","pattern":"[url:value = 'http://example.com/']","x_score":1.50},
{"type":"malware","id":"malware--` + uuid + `","created":"2018-01-02T03:04:05.678Z","modified":"2018-01-02T03:04:05.678Z","labels":["ransomware"],"name":"M"},
{"type":"observed-data","id":"observed-data--` + uuid + `","created":"2018-01-02T03:04:05.678Z","modified":"2018-01-02T03:04:05.678Z",
 "first_observed":"2018-01-02T03:04:05Z","last_observed":"2018-01-02T03:04:05Z","number_observed":1,"objects":{
  "0":{"type":"ipv4-addr","value":"198.51.100.3"},
  "1":{"type":"network-traffic","src_ref":"0","dst_port":443,"protocols":["tcp"]},
  "2":{"type":"file","name":"a.exe","parent_directory_ref":"3","created":"2018-01-02T03:04:05Z","is_encrypted":true,"hashes":{"ssdeep":"3:a:b"}},
  "3":{"type":"directory","path":"C:\\temp","contains_refs":["2"]},
  "4":{"type":"process","pid":7,"name":"a.exe","binary_ref":"2","child_refs":["4"]},
  "5":{"type":"email-message","is_multipart":false,"additional_header_fields":{"X-A":"b"}},
  "6":{"type":"user-account","user_id":"7","password_last_changed":"2018-01-02T03:04:05Z"}}},
{"type":"observed-data","id":"observed-data--11111111-1111-4111-8111-111111111111","created":"2018-01-02T03:04:05.678Z","modified":"2018-01-02T03:04:05.678Z",
 "first_observed":"2018-01-02T03:04:05Z","last_observed":"2018-01-02T03:04:05Z","number_observed":1,"objects":{
  "0":{"type":"ipv4-addr","value":"198.51.100.3"},"1":{"type":"directory","path":"C:\\temp","atime":"2018-01-02T03:04:05Z"}}}]}`

func TestUpgrade(t *testing.T) {
	in := []byte(old20)
	out, changes, err := stix.Upgrade(in)
	if err != nil || string(in) != old20 {
		t.Fatalf("%v, input kept %v", err, string(in) == old20)
	}
	objects := map[string]map[string]any{}
	of := map[string][]string{}
	for _, raw := range bundleObjects(t, out) {
		o, rep := stix.Parse(raw, stix.Options{Mode: comity.Strict})
		for _, f := range rep.Findings {
			if f.Refuses {
				t.Errorf("%s: %s at %s: %s", raw, f.Rule, f.Path, f.Msg)
			}
		}
		var v map[string]any
		if err := json.Unmarshal(raw, &v); err != nil || o.SpecVersion != "2.1" {
			t.Errorf("%s: %v", raw, err)
		}
		if objects[string(o.ID)] != nil {
			t.Errorf("%s stands twice", o.ID)
		}
		objects[string(o.ID)] = v
		of[o.Type] = append(of[o.Type], string(raw))
	}
	for typ, n := range map[string]int{"ipv4-addr": 1, "directory": 2, "file": 1, "network-traffic": 1, "process": 1, "observed-data": 2, "indicator": 1, "malware": 1} {
		if len(of[typ]) != n {
			t.Errorf("%d %s, want %d", len(of[typ]), typ, n)
		}
	}
	for typ, texts := range map[string][]string{
		"indicator":       {`"labels":["ours"]`, `"indicator_types":["malicious-activity"]`, `"pattern_type":"stix"`, `"x_score":1.50`},
		"malware":         {`"malware_types":["ransomware"]`},
		"file":            {`"ctime":`, `"x_is_encrypted":true`, `"SSDEEP"`},
		"process":         {`"x_name":"a.exe"`, `"image_ref":"file--`, `"child_refs":["process--`},
		"email-message":   {`"X-A":["b"]`},
		"user-account":    {`"credential_last_changed"`},
		"network-traffic": {`"src_ref":"ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4"`},
	} {
		for _, text := range texts {
			if len(of[typ]) == 0 || !strings.Contains(of[typ][0], text) {
				t.Errorf("%s lacks %s: %s", typ, text, of[typ])
			}
		}
	}
	for _, raw := range of["observed-data"] {
		for _, id := range objects[string(idOf(raw))]["object_refs"].([]any) {
			if objects[id.(string)] == nil {
				t.Errorf("%s refers to %s, which is not there", raw, id)
			}
		}
	}
	if len(changes) < 12 {
		t.Errorf("only %d changes told: %v", len(changes), changes)
	}
	again, changes, err := stix.Upgrade(out)
	if err != nil || len(changes) != 0 || !bytes.Equal(again, out) {
		t.Errorf("a second upgrade: %v, %d changes", err, len(changes))
	}
}

func idOf(raw string) comity.ObjectID {
	o, _ := stix.Parse([]byte(raw), stix.Options{})
	return o.ID
}

// One object gives one object, and fewer than one an error.
func TestUpgradeOne(t *testing.T) {
	out, changes, err := stix.Upgrade([]byte(`{"type":"campaign","id":"campaign--` + uuid + `","name":"x"}`))
	if err != nil || len(changes) != 1 || string(out) != `{"type":"campaign","id":"campaign--`+uuid+`","name":"x","spec_version":"2.1"}` {
		t.Errorf("%s %v %v", out, changes, err)
	}
	for _, bad := range []string{``, `[]`, `7`, `{"type":`, `[7]`, `nonsense`} {
		if out, _, err := stix.Upgrade([]byte(bad)); !comity.Is(err, comity.Invalid) {
			t.Errorf("%q gave %s, %v", bad, out, err)
		}
	}
	odd := `{"type":"observed-data","objects":{"0":{"type":"network-traffic","extensions":{"http-request-ext":{"message_body_data_ref":"1"}}},"1":{"type":"artifact","payload_bin":"AA==","x_ref":"0"},"2":7}}`
	if out, _, err := stix.Upgrade([]byte(odd)); err != nil || !strings.Contains(string(out), `"2":7`) {
		t.Errorf("a container with a stranger was not kept: %s %v", out, err)
	}
}

// Patterns get the names of STIX 2.1, and what has none is told.
func TestUpgradePattern(t *testing.T) {
	for _, tt := range []struct{ in, want, key string }{
		{`[file:name = 'a']`, `[file:name = 'a']`, ""},
		{`[file:created > t'2018-01-01T00:00:00Z' AND file:size=5]`, `[file:ctime > t'2018-01-01T00:00:00Z' AND file:size = 5]`, "stix.upgrade_pattern"},
		{`[process:binary_ref.name = 'a']`, `[process:image_ref.name = 'a']`, "stix.upgrade_pattern"},
		{`[process:name = 'a']`, `[process:name = 'a']`, "stix.upgrade_pattern_lost"},
		{`[no pattern`, `[no pattern`, "stix.upgrade_pattern_kept"},
	} {
		out, changes, err := stix.Upgrade([]byte(`{"type":"indicator","pattern":"` + tt.in + `"}`))
		var v struct{ Pattern string }
		if err != nil || json.Unmarshal(out, &v) != nil || v.Pattern != tt.want {
			t.Errorf("%s became %s (%v)", tt.in, v.Pattern, err)
		}
		told := ""
		for _, c := range changes {
			if c.Path == "pattern" {
				told = c.Msg.Key
			}
		}
		if told != tt.key {
			t.Errorf("%s: told %q, want %q", tt.in, told, tt.key)
		}
	}
}

// A container of very many observables takes time that grows with it only.
func TestUpgradeWide(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"type":"observed-data","id":"observed-data--` + uuid + `","objects":{"x":{"type":"directory","path":"/"}`)
	for i := range 20_000 {
		fmt.Fprintf(&b, `,"%d":{"type":"file","name":"%d","created":"2018-01-02T03:04:05Z","parent_directory_ref":"%d"}`, i, i, i+1)
	}
	b.WriteString("}}")
	out, changes, err := stix.Upgrade([]byte(b.String()))
	if err != nil || len(bundleObjects(t, out)) != 20_002 || len(changes) < 20_000 {
		t.Errorf("%v: %d bytes, %d changes", err, len(out), len(changes))
	}
}

func FuzzUpgrade(f *testing.F) {
	f.Add([]byte(old20))
	f.Add([]byte(`{"type":"observed-data","objects":{"0":{"type":"file","name":"a","extensions":{"archive-ext":{"contains_refs":["0","1"],"version":"1"}}},"1":{"type":"file","name":"b","extensions":{"archive-ext":{"contains_refs":["0"]}}}}}`))
	f.Add([]byte(`{"type":"indicator","labels":["benign",7],"pattern":"[a:b = 1"}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		before := bytes.Clone(in)
		out, changes, err := stix.Upgrade(in)
		if !bytes.Equal(before, in) {
			t.Fatal("the input was changed")
		}
		if err != nil {
			if k := comity.ErrorKind(err); k != comity.Invalid {
				t.Fatalf("%v: kind %v", err, k)
			}
			return
		}
		for _, f := range changes {
			if f.Rule != "upgrade" || f.Section == "" || f.Path == "" || f.Refuses {
				t.Fatalf("%+v", f)
			}
		}
		if len(changes) > 0 && !json.Valid(out) && json.Valid(in) {
			t.Fatalf("%q became no JSON: %q", in, out)
		}
	})
}
