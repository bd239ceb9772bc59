package federation

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
	"github.com/comity-net/comity/policy"
)

func draft(t testing.TB, a, b *Identity) []byte {
	t.Helper()
	d, err := Template("bilateral", a, b, time.Now(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestTemplateIsAnEqualAgreement(t *testing.T) {
	_, a := testKeys(t, "a")
	_, b := testKeys(t, "b")
	text := draft(t, a, b)
	if !bytes.Contains(text, []byte("\n  \"streams\": [\n")) {
		t.Fatalf("not readable:\n%s", text)
	}
	body, got, err := NewAgreement(text)
	if err != nil {
		t.Fatal(err)
	}
	if len(policy.Symmetry(got)) != 0 || len(got.Asymmetries) != 0 {
		t.Fatal("the template is not equal")
	}
	if got.Chain != got.ID || !hexID.MatchString(string(got.ID)) || len(got.Streams) != 2 || got.Streams[0].Name != "indicators" || got.Streams[1].Name != "incidents" {
		t.Fatalf("%+v", got)
	}
	again, err := ParseAgreement(body)
	if err != nil || fmt.Sprint(again) != fmt.Sprint(got) {
		t.Fatalf("read again: %v", err)
	}
	other, _, err := NewAgreement(draft(t, a, b))
	if err != nil || bytes.Equal(other, body) {
		t.Fatal("no fresh nonce")
	}
}

// Tabs and line ends of an editor do not get into what is signed.
func TestEditedDraft(t *testing.T) {
	_, a := testKeys(t, "a")
	_, b := testKeys(t, "b")
	text := bytes.ReplaceAll(draft(t, a, b), []byte("  "), []byte("\t"))
	text = bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n"))
	body, _, err := NewAgreement(text)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Count(body, []byte("\n")) != 2 {
		t.Fatalf("%q", body)
	}
}

func TestAgreementRefusals(t *testing.T) {
	_, a := testKeys(t, "a")
	_, b := testKeys(t, "b")
	good := string(draft(t, a, b))
	field, value, syntax := "federation.draft_field", "federation.draft_value", "federation.draft_syntax"
	for _, c := range []struct{ name, from, to, key, with string }{
		{"unknown member", `"kind"`, `"kynd": 1, "kind"`, "federation.draft_unknown", "path=kynd"},
		{"unknown in stream", `"onward"`, `"upward": {}, "onward"`, "federation.draft_unknown", "path=streams[0].upward"},
		{"duplicate key", `"kind"`, `"kind": "group", "kind"`, "federation.draft_twice", "field=kind line=3"},
		{"other case", `"kind"`, `"Kind"`, "federation.draft_unknown", "path=Kind"},
		{"kind", `"bilateral"`, `"trilateral"`, "policy.check_kind", "kind=trilateral"},
		{"group", `"bilateral"`, `"group"`, "policy.check_group", "path=parties"},
		{"party id", string(a.ID), "x" + string(a.ID), "policy.check_member", "path=parties[0].id"},
		{"party no object", `"parties": [`, `"parties": [7,`, value, "path=parties[0] value=7"},
		{"same party twice", string(a.ID), string(b.ID), "policy.check_party_twice", "path=parties[1].id"},
		{"ceiling", `"amber+strict"`, `"purple"`, field, "path=streams[0].max value=purple"},
		{"ceiling number", `"amber+strict"`, `7`, value, "path=streams[0].max value=7"},
		{"no publishers", `"all"`, `[]`, "federation.draft_empty", "path=streams[0].publishers"},
		{"publishers word", `"all"`, `"some"`, value, "path=streams[0].publishers"},
		{"foreign publisher", `"all"`, `["` + strings.Repeat("a", 32) + `"]`, "policy.check_publisher", "path=streams[0].publishers[0]"},
		{"onward", `"constituency"`, `"everyone"`, "policy.check_onward", "onward=everyone"},
		{"period", `"PT15M"`, `"soon"`, "policy.check_period", "path=streams[0].within period=soon"},
		{"stream name", `"incidents"`, `"indicators"`, "policy.check_stream_twice", "path=streams[1].name"},
		{"nonce", `"nonce": "`, `"nonce": "A`, field, "path=nonce"},
		{"prev without chain", `"prev": null`, `"prev": "` + strings.Repeat("a", 64) + `"`, field, "path=chain"},
		{"chain without prev", `"prev": null`, `"prev": null, "chain": "` + strings.Repeat("a", 64) + `"`, field, "path=chain"},
		{"title direction", "a – b", "a \u202e b", field, "path=title"},
		{"time", `"valid_from": "2`, `"valid_from": "on 2`, value, "path=valid_from"},
		{"comma", `"kind": "bilateral",`, `"kind": "bilateral"`, syntax, "line=4"},
		{"more", "{\n", "{}\n{\n", "federation.draft_trailing", "line=2 column=1"},
		{"list", "{\n", "[{\n", "federation.draft_cut", ""},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			text := strings.Replace(good, c.from, c.to, 1)
			if text == good {
				t.Fatal("the case changes nothing")
			}
			_, _, err := NewAgreement([]byte(text))
			if wantErr(t, err, comity.Invalid, c.key); !strings.Contains(comity.ErrorMessage(err).String(), c.with) {
				t.Fatalf("%v", err)
			}
			complete(t, comity.ErrorMessage(err))
		})
	}
	for cut := range strings.TrimRight(good, "} \n") {
		if _, err := ReadDraft([]byte(good[:cut])); !comity.Is(err, comity.Invalid) {
			t.Fatalf("cut at %d: %v", cut, err)
		}
	}
	long := strings.Replace(good, `"asymmetries": []`, `"asymmetries": [`+strings.Repeat("1,", 50000)+`"x"]`, 1)
	long = strings.Replace(long, "{", "{"+unknowns(9000), 1)
	if d, err := ReadDraft([]byte(long)); err != nil || len(d.Findings) != maxFindings {
		t.Fatalf("%d findings, %v", len(d.Findings), err)
	}
	_, err := ReadDraft([]byte(good[:len(good)/2]))
	wantErr(t, err, comity.Invalid, "federation.draft_cut")
	_, err = ReadDraft([]byte(`["a"]`))
	wantErr(t, err, comity.Invalid, "federation.draft_object")
	_, _, err = NewAgreement(make([]byte, maxAgreement+1))
	wantErr(t, err, comity.TooLarge, "federation.too_large")
	_, err = ParseAgreement([]byte("comity/other/v1\n{}\n"))
	wantErr(t, err, comity.Invalid, "federation.document_type")
	_, err = ParseAgreement([]byte(TypeAgreement + "\n{\"kind\":7}\n"))
	if wantErr(t, err, comity.Invalid, "federation.agreement_shape"); comity.ErrorMessage(err).Args[0].Value != "kind" {
		t.Fatalf("%v", err)
	}
}

// unknowns is the beginning of an object with n fields that do not exist.
func unknowns(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"u%d":0,`, i)
	}
	return b.String()
}

// INVARIANT: a draft without findings is an agreement that can be signed; and
// nothing that a person writes makes reading it panic.
func FuzzReadDraft(f *testing.F) {
	_, a := testKeys(f, "a")
	_, b := testKeys(f, "b")
	f.Add(draft(f, a, b))
	f.Add([]byte(`{"streams":[{"publishers":[1],"types":[null]},7],"quota":{"bytes_day":2e9}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := ReadDraft(text)
		if err != nil {
			complete(t, comity.ErrorMessage(err))
			return
		}
		for _, found := range d.Findings {
			complete(t, found.Msg)
		}
		if (d.Body == nil) != (len(d.Findings) > 0) {
			t.Fatal("a body with findings, or none without")
		}
	})
}

// Unknown members of a signed body are ignored: it may come from a newer node.
func TestUnknownMembersOfSignedBody(t *testing.T) {
	_, a := testKeys(t, "a")
	_, b := testKeys(t, "b")
	body, want, err := NewAgreement(draft(t, a, b))
	if err != nil {
		t.Fatal(err)
	}
	newer := bytes.Replace(body, []byte(`{"prev"`), []byte(`{"later":{"x":1},"prev"`), 1)
	got, err := ParseAgreement(newer)
	if err != nil || got.ID == want.ID || got.Kind != want.Kind {
		t.Fatalf("%+v %v", got, err)
	}
	if sci, err := ParseAgreement(bytes.Replace(body, []byte(`"receipts"`), []byte(`"quota":{"objects_day":200000,"bytes_day":2e9},"receipts"`), 1)); err != nil || sci.Quota.BytesDay != 2e9 {
		t.Fatalf("2e9 bytes: %+v %v", sci.Quota, err)
	}
}

func TestAgreementSignatures(t *testing.T) {
	ka, a := testKeys(t, "a")
	kb, b := testKeys(t, "b")
	kc, c := testKeys(t, "c")
	body, ag, err := NewAgreement(draft(t, a, b))
	if err != nil {
		t.Fatal(err)
	}
	la, err := ka.SignAgreement(body)
	if err != nil {
		t.Fatal(err)
	}
	lb, err := kb.SignAgreement(body)
	if err != nil {
		t.Fatal(err)
	}
	if err := VerifyAgreementLine(body, la, a); err != nil {
		t.Fatal(err)
	}
	if err := VerifyAgreementLine(body, lb, b); err != nil {
		t.Fatal(err)
	}
	wantErr(t, VerifyAgreementLine(body, la, b), comity.Unverified, "federation.agreement_signature")
	wantErr(t, VerifyAgreementLine(bytes.Replace(body, []byte("amber"), []byte("ember"), 1), la, a), comity.Invalid, "federation.agreement_field")
	wantErr(t, VerifyAgreementLine(bytes.Replace(body, []byte("PT15M"), []byte("PT16M"), 1), la, a), comity.Unverified, "federation.agreement_signature")
	wantErr(t, VerifyAgreementLine(body, []byte("— a/doc AAAA\n"), a), comity.Unverified, "federation.agreement_signature")
	wantErr(t, VerifyAgreementLine(body, la, c), comity.Unverified, "federation.agreement_not_party")
	_, err = kc.SignAgreement(body)
	wantErr(t, err, comity.Forbidden, "federation.agreement_not_party")

	// In the inbox: signed by the sender, the other line comes along unverified.
	doc, err := ledger.JoinDocument(body, la, lb)
	if err != nil {
		t.Fatal(err)
	}
	d, err := OpenInbox(doc, a)
	if err != nil || d.Agreement.ID != ag.ID || !bytes.Equal(d.Body, body) || !bytes.Equal(d.Line, la) || len(d.Others) != 1 || !bytes.Equal(d.Others[0], lb) {
		t.Fatalf("%+v %v", d, err)
	}
	_, err = OpenInbox(doc, c)
	wantErr(t, err, comity.Unverified, "federation.document_signature")
	_, err = OpenInbox(doc, nil)
	wantErr(t, err, comity.Unauthenticated, "federation.stranger")
}

func TestInForce(t *testing.T) {
	now := time.Now()
	ok := comity.Agreement{State: comity.AgreementActive, ValidFrom: now, ValidUntil: now.Add(time.Hour)}
	for _, c := range []struct {
		at    time.Time
		state comity.AgreementState
		key   string
	}{
		{now, comity.AgreementActive, ""},
		{now.Add(time.Hour - 1), comity.AgreementComplete, ""},
		{now.Add(-1), comity.AgreementActive, "federation.agreement_not_yet"},
		{now.Add(time.Hour), comity.AgreementActive, ""},
		{now.Add(time.Hour), comity.AgreementEnded, ""},
		{now, comity.AgreementSuperseded, ""},
		{now, comity.AgreementSuspended, "federation.agreement_state"},
		{now, comity.AgreementProposed, "federation.agreement_state"},
		{now, "", "federation.agreement_state"},
	} {
		a := ok
		a.State = c.state
		err := MayFollow(&a, c.at)
		if c.key == "" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		wantErr(t, err, comity.Forbidden, c.key)
	}
}
