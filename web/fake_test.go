package web

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
	"github.com/comity-net/comity/store"
)

// fake is a node that answers with full or with empty values, and with fault
// when it is set. Its sessions are the role names.
type fake struct {
	full  bool
	fault error
	down  error                 // of Status, which every page's frame asks
	many  int                   // neighbours of an object
	lang  string                // stored with the account
	share []node.MemberDecision // instead of the usual ones
	state comity.State          // of the object shown

	begun   comity.Import // what StartImport answers, when it has an id
	reading func(node.ImportRequest)
	at      *node.Progress // of any import

	notes  []string // of what changed a collection or root: "what name …"
	draft  node.CollectionDraft
	opened node.Opening
	feed   node.Feed
	secret node.FeedSecret
}

func (f *fake) note(words ...string) { f.notes = append(f.notes, strings.Join(words, " ")) }

var (
	fakeNow  = time.Date(2026, 11, 23, 20, 36, 0, 0, time.UTC)
	selfID   = comity.MemberID("kzqd4n7w2mxt5hbc3rjva6pe2yfs4g7u")
	peerID   = comity.MemberID("ken7ajx5w2qtr4mcvb6hd3psy2fzg5nu")
	agrID    = comity.AgreementID("4be1b7d3c2a5968877665544332211000ffeeddccbbaa9988776655443322110")
	chanID   = comity.ChannelID("qmf7x2tw5rna4kzc3hdvb6jpes")
	objectID = comity.ObjectID("indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f")
)

const fakeRaw = `{"type":"indicator","spec_version":"2.1","id":"indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f","created_by_ref":"identity--f431f809-377b-45e0-aa1c-6a4751cae5ff","created":"2026-11-20T09:12:44.000Z","modified":"2026-11-22T17:03:10.000Z","name":"Command server of the “Saltmarsh” phishing kit","description":"Receives credentials posted by the kit. Seen in three ministries since 14 November; answers only to requests with the kit’s own user agent, so a plain visit shows an empty page.\nBlock and look for past connections.","indicator_types":["malicious-activity","compromised"],"pattern":"[ipv4-addr:value = '198.51.100.23' OR domain-name:value = 'login.example.net']","pattern_type":"stix","valid_from":"2026-11-20T00:00:00Z","confidence":85,"labels":["phishing"],"object_marking_refs":["marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003"],"granular_markings":[{"marking_ref":"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1","selectors":["description"]}],"external_references":[{"source_name":"cert.example","description":"Advisory 2026-114","url":"https://cert.example/advisories/2026-114"}],"extensions":{"extension-definition--04b1819c-8a3d-4c1f-9d3c-2f1f0a6c7a11":{"extension_type":"property-extension","seen_in":3,"sure":true,"nothing":null,"empty":[]}}}`

func (f *fake) version(i int) store.Version {
	names := []string{"Command server of the “Saltmarsh” phishing kit", "198.51.100.23", "<script>alert(1)</script>", "برنامج فدية «الكثبان»", "login.example.net", "Saltmarsh", "勒索软件样本", ""}
	types := []string{"indicator", "ipv4-addr", "malware", "malware", "domain-name", "campaign", "file", "note"}
	labels := []comity.TLP{comity.Amber, comity.Green, comity.Clear, comity.Red, comity.AmberStrict, comity.Green, comity.Clear, comity.Amber}
	v := store.Version{OID: store.OID(9000 - i), ID: objectID, Type: types[i%8], Name: names[i%8], Handling: labels[i%8], TLP: labels[i%8],
		Created: fakeNow.Add(-80 * time.Hour), Modified: fakeNow.Add(-27 * time.Hour), Received: fakeNow.Add(-time.Duration(i*i*7+3) * time.Minute),
		Door: comity.DoorImport, Latest: i == 0, Size: 1184, Digest: comity.Hash{1, 2, 3}}
	if i%3 == 2 {
		v.Origin, v.Door = peerID, comity.DoorChannel
	}
	if i%8 == 6 {
		v.State, v.Why, v.StateAt = comity.StateRevoked, "false_positive", fakeNow.Add(-time.Hour)
	}
	if i%8 == 0 {
		v.Raw = []byte(fakeRaw)
	} else {
		v.ID = comity.ObjectID(fmt.Sprintf("%s--8e2e2d2b-17d4-4cbf-938f-98ee46b3c%03d", v.Type, i))
	}
	return v
}

func (f *fake) versions(n int) []store.Version {
	if !f.full {
		return nil
	}
	var out []store.Version
	for i := range n {
		out = append(out, f.version(i))
	}
	return out
}

func reason(source string, effect comity.Verdict, text string) comity.Reason {
	return comity.Reason{Source: source, Effect: effect, Agreement: agrID, Stream: "indicators", Msg: comity.Msg("web.as_is", comity.A("text", text))}
}

func (f *fake) Status(context.Context) (node.Status, error) {
	if !f.full {
		return node.Status{ID: selfID}, f.down
	}
	ch, _ := f.Channels(context.Background())
	return node.Status{ID: selfID, Profile: node.Profile{Name: "KZ-CERT", Country: "KZ", Sector: "government", URL: "https://node.cert.example:8443"},
		Fingerprint: "3f8a 11c0 92bd 7e45 a1d6 0c3b 55f9 e802 6b7c 4d1e 99a0 2f53 c8e4 7710 b36d 04fa", Version: "0.1.0", Keeper: "sqlite", Dir: "/var/lib/comity",
		Objects: 124771, Types: []node.Count{{Name: "indicator", N: 100000}, {Name: "relationship", N: 20411}, {Name: "attack-pattern", N: 1169}, {Name: "malware", N: 784}, {Name: "intrusion-set", N: 181}, {Name: "tool", N: 91}, {Name: "campaign", N: 52}},
		Peers: 3, Verified: 2, Agreements: 2, Channels: ch, Now: fakeNow,
		Faults: []node.Fault{{Subject: "CERT-KE · sightings", Msg: comity.Msg("web.as_is", comity.A("text", "The publisher’s tree of 412 entries does not contain the 398 entries verified here.")), At: fakeNow.Add(-40 * time.Minute)}}}, f.down
}

func (f *fake) Audits(context.Context, int64, int) ([]comity.Audit, error) {
	if !f.full {
		return nil, f.fault
	}
	return []comity.Audit{
		{N: 42, At: fakeNow.Add(-2 * time.Minute), Actor: "aigul", Action: "share", Subject: string(objectID)},
		{N: 41, At: fakeNow.Add(-9 * time.Minute), Actor: "peer:" + peerID.Short(), Action: "agreement.sign", Subject: string(agrID)},
		{N: 40, At: fakeNow.Add(-50 * time.Minute), Actor: "cli:root", Action: "import", Subject: "attack-enterprise-18.1.json.gz"},
		{N: 39, At: fakeNow.Add(-3 * time.Hour), Actor: "system", Action: "channel.fault", Subject: string(chanID), Kind: "unverified", Msg: comity.Msg("web.as_is", comity.A("text", "The root does not match."))},
		{N: 38, At: fakeNow.Add(-4 * time.Hour), Actor: "aigul", Action: "something new", Subject: "x"},
	}, f.fault
}

func (f *fake) Users(context.Context) ([]store.User, error) {
	if !f.full {
		return nil, f.fault
	}
	return []store.User{{Name: "aigul", Role: "admin", Lang: "ru", Created: fakeNow.Add(-900 * time.Hour), LastSeen: fakeNow.Add(-time.Minute)},
		{Name: "daniyar", Role: "analyst", Created: fakeNow.Add(-700 * time.Hour)}, {Name: "guest", Role: "reader", Created: fakeNow, Disabled: true}}, f.fault
}

func (f *fake) CreateUser(context.Context, node.Actor, string, string, node.Role, string) error {
	return f.fault
}

func (f *fake) CheckSetup(_ context.Context, token string) error { return f.bad(token) }

// bad refuses the token "bad".
func (f *fake) bad(token string) error {
	if token == "bad" {
		return comity.E(comity.Unauthenticated, "setup", "", comity.Msg("web.signin.no_token"), nil)
	}
	return f.fault
}

func (f *fake) Setup(_ context.Context, token, _, _, _ string) (string, error) {
	return "admin", f.bad(token)
}
func (f *fake) SignInLink(context.Context, node.Actor, string) (string, error) {
	return "QmF6l1nkT0k3n", f.fault
}
func (f *fake) SignIn(_ context.Context, name, password, _ string) (string, error) {
	if password == "bad" {
		return "", comity.E(comity.Unauthenticated, "signin", name, comity.Msg("web.not_signed_in"), nil)
	}
	return name, f.fault
}
func (f *fake) SignInByLink(_ context.Context, token string) (string, error) {
	return "reader", f.bad(token)
}
func (f *fake) SignOut(context.Context, string) error { return f.fault }
func (f *fake) SetLang(_ context.Context, _, lang string) error {
	f.lang = lang
	return f.fault
}
func (f *fake) ChangePassword(_ context.Context, _ node.Actor, name, old, _ string) error {
	if old == "bad" {
		return comity.E(comity.Forbidden, "password", name, comity.Msg("node.password_old_wrong"), nil)
	}
	return f.fault
}
func (f *fake) DisableUser(_ context.Context, by node.Actor, name string, _ bool) error {
	if name == "last" {
		return comity.E(comity.Conflict, "user disable", name, comity.Msg("node.last_admin", comity.A("name", name)), nil)
	}
	return f.fault
}
func (f *fake) Tokens(context.Context, string) ([]node.TokenView, error) {
	if !f.full {
		return nil, f.fault
	}
	return []node.TokenView{{ID: "a1", Label: "nightly <export>", Created: fakeNow.Add(-90 * time.Hour), Expires: fakeNow.Add(900 * time.Hour)}, {ID: "b2", Created: fakeNow, Expires: fakeNow}}, f.fault
}
func (f *fake) CreateToken(context.Context, node.Actor, string, string, time.Duration) (string, error) {
	return "T0k3nT3xt", f.fault
}
func (f *fake) RevokeToken(context.Context, node.Actor, string) error { return f.fault }
func (f *fake) Session(_ context.Context, session string) (store.User, error) {
	if rank(node.Role(session)) == 0 {
		return store.User{}, comity.E(comity.Unauthenticated, "session", "", comity.Msg("web.not_signed_in"), nil)
	}
	return store.User{Name: "aigul", Role: session, Password: "$argon2id$"}, nil
}

func (f *fake) Find(_ context.Context, text string) (node.FindResult, error) {
	if !f.full {
		return node.FindResult{}, f.fault
	}
	return node.FindResult{Asked: text, Truncated: true, Text: f.versions(2), Values: []node.FoundValue{
		{Value: comity.Value{Kind: comity.ValueIPv4, Text: "198.51.100.23"}, Raw: "198[.]51[.]100[.]23", Refanged: true, Hits: f.versions(3)},
		{Value: comity.Value{Kind: comity.ValueURL, Text: "https://login.example.net/a"}, Raw: "hxxps://login[.]example.net/a", Refanged: true},
		{Value: comity.Value{Kind: comity.ValueHash, Text: "44d88612fea8a8f36de82e1278abb02f"}, Raw: "44d88612fea8a8f36de82e1278abb02f"}}}, f.fault
}

func (f *fake) Show(_ context.Context, id comity.ObjectID) (node.ObjectView, error) {
	if !f.full {
		return node.ObjectView{Version: store.Version{ID: id}}, f.fault
	}
	v := node.ObjectView{Version: f.version(0), Versions: []store.Version{f.version(0), f.version(6)},
		Object: comity.Object{ID: objectID, Confidence: 85, ValidFrom: fakeNow.Add(-90 * time.Hour), Raw: []byte(fakeRaw),
			Markings: []comity.ObjectID{"marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003", "marking-definition--00000000-2ddd-4d32-a0cd-375ea402b003"},
			Granular: []comity.Granular{{TLP: comity.Red, Selectors: []string{"description"}}, {Lang: "fr", Selectors: []string{"name"}}}},
		Sources: []node.SourceView{{Source: store.Source{Door: comity.DoorImport, Import: "im-1", At: fakeNow.Add(-80 * time.Hour)}, Title: "saltmarsh.json"},
			{Source: store.Source{Door: comity.DoorChannel, Channel: chanID, Index: 7, Agreement: agrID, Origin: peerID, At: fakeNow}, OriginName: "CERT-KE", Title: "Indicators between KZ and KE"}},
		Holders: []node.Holder{{Member: peerID, Name: "CERT-KE", Agreement: agrID, Title: "Indicators between KZ and KE", Channel: chanID, Stream: "indicators", Index: 7, Kind: comity.EntryPut, At: fakeNow.Add(-30 * time.Minute), Receipted: true, ReceiptAt: fakeNow,
			Reasons: []comity.Reason{reason("marking", comity.Allow, "TLP:AMBER: members that need to know may have it."), reason("agreement", comity.Allow, "The stream “indicators” covers indicator objects up to TLP:AMBER+STRICT.")}}},
		Findings: []comity.Finding{{Rule: "open-vocab", Path: "indicator_types[1]", Section: "4.7", Msg: comity.Msg("web.as_is", comity.A("text", "“compromised” is not in the open vocabulary."))}}}
	v.Version.State = f.state
	kinds := []string{"indicates", "based-on", "object_refs", "uses", "derived-from"}
	for i := range max(f.many, 9) {
		x := f.version(i + 1)
		v.Neighbours = append(v.Neighbours, node.Neighbour{Via: objectID, Kind: kinds[i%5], Outgoing: i%3 != 0, ID: x.ID, Type: x.Type, Name: x.Name, Known: i%4 != 3})
	}
	return v, f.fault
}

func (f *fake) List(context.Context, store.Query) ([]store.Version, error) {
	return f.versions(8), f.fault
}
func (f *fake) Collections(context.Context) ([]store.Collection, error) {
	if !f.full {
		return nil, f.fault
	}
	return []store.Collection{{ID: "c1", Alias: "phishing", Title: "Phishing campaigns"}}, f.fault
}

func (f *fake) Explain(context.Context, comity.ObjectID, string) ([]node.MemberDecision, error) {
	if f.share != nil || !f.full {
		return f.share, f.fault
	}
	return []node.MemberDecision{
		{Member: peerID, Name: "CERT-KE", State: comity.PeerActive, Decision: comity.Decision{Verdict: comity.Allow, Handling: comity.Amber, Reasons: []comity.Reason{
			reason("marking", comity.Allow, "TLP:AMBER: members that need to know may have it."), reason("agreement", comity.Allow, "The stream “indicators” covers indicator objects up to TLP:AMBER+STRICT.")}}},
		{Member: selfID, Name: "Institut Pasteur-Réseaux", State: comity.PeerVerified, Decision: comity.Decision{Verdict: comity.Refuse, Reasons: []comity.Reason{
			reason("agreement", comity.Refuse, "The stream “advisories” ends at TLP:GREEN; this object is TLP:AMBER."), reason("default", comity.Refuse, "No agreement allows it, and nothing is shared without one.")}}},
		{Member: "x", Name: "المركز الوطني", State: comity.PeerIntroduced, Already: true, Decision: comity.Decision{Verdict: comity.NeedsDecision, Reasons: []comity.Reason{reason("member", comity.NeedsDecision, "The pair code was not compared yet.")}}}}, f.fault
}

func (f *fake) Share(_ context.Context, _ node.Actor, r node.ShareRequest) (node.ShareResult, error) {
	if !f.full {
		return node.ShareResult{}, f.fault
	}
	refuse := comity.Decision{Verdict: comity.Refuse, Handling: comity.Red, Reasons: []comity.Reason{reason("marking", comity.Refuse, "TLP:RED goes to named persons only.")}}
	return node.ShareResult{Agreement: agrID, DryRun: r.DryRun, Considered: 3, Shared: 1, Already: 1, Refused: 1,
		Items:    []node.ShareItem{{ID: objectID, Type: "malware", Name: "Dune", Decision: refuse}, {ID: objectID, Type: "indicator", Name: "A", Decision: comity.Decision{Verdict: comity.Allow, Handling: comity.Amber}}, {ID: objectID, Already: true}},
		Refusals: []node.ReasonCount{{Reason: refuse.Reasons[0], N: 1}}}, f.fault
}

func (f *fake) told(id comity.ObjectID, kind comity.EntryKind) (node.LifecycleResult, error) {
	r := node.LifecycleResult{Object: id, Kind: kind}
	if f.full {
		r.Channels = []node.Told{{Channel: chanID, Index: 12, Members: []string{"CERT-KE"}}}
	}
	return r, f.fault
}
func (f *fake) Revoke(_ context.Context, _ node.Actor, id comity.ObjectID, _ string) (node.LifecycleResult, error) {
	return f.told(id, comity.EntryRevoke)
}
func (f *fake) Erase(_ context.Context, _ node.Actor, id comity.ObjectID, _ string) (node.LifecycleResult, error) {
	return f.told(id, comity.EntryErase)
}
func (f *fake) Mark(_ context.Context, _ node.Actor, id comity.ObjectID, _ comity.TLP, _ string) (node.LifecycleResult, error) {
	return f.told(id, comity.EntryMark)
}
