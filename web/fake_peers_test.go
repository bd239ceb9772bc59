package web

import (
	"context"
	"io"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
	"github.com/comity-net/comity/store"
)

func (f *fake) oneImport() comity.Import {
	if !f.full {
		return comity.Import{}
	}
	return comity.Import{ID: "0b9d3c5e-6a1f-4f3e-9a52-77d0c1f6a001", Source: "attack-enterprise-18.1.json.gz", Format: "stix", Handling: comity.Green, By: "aigul", State: comity.ImportDone,
		Started: fakeNow.Add(-50 * time.Minute), Finished: fakeNow.Add(-49 * time.Minute), Bytes: 33_900_000, Accepted: 24771, Warned: 312, Same: 4, Refused: 2}
}

func (f *fake) StartImport(_ context.Context, _ node.Actor, r node.ImportRequest) (comity.Import, error) {
	if f.reading != nil {
		f.reading(r)
	} else if r.Reader != nil {
		_, _ = io.Copy(io.Discard, r.Reader)
		_ = r.Reader.Close()
	}
	if f.begun.ID != "" {
		return f.begun, f.fault
	}
	return f.oneImport(), f.fault
}
func (f *fake) ImportProgress(comity.ImportID) (node.Progress, bool) {
	if f.at == nil {
		return node.Progress{}, false
	}
	return *f.at, true
}
func (f *fake) Imports(context.Context, comity.ImportID, int) ([]comity.Import, error) {
	if !f.full {
		return nil, f.fault
	}
	failed := comity.Import{ID: "x2", Source: "https://feed.example/list.txt", State: comity.ImportFailed, Fault: comity.Msg("web.error.kind.unreachable"), Started: fakeNow.Add(-3 * time.Hour), By: "daniyar"}
	return []comity.Import{f.oneImport(), failed, {ID: "x3", Source: "paste", State: comity.ImportRunning, Started: fakeNow}, {ID: "x4", Source: "قائمة.txt", State: comity.ImportUndone, Started: fakeNow}}, f.fault
}
func (f *fake) ImportByID(context.Context, string) (comity.Import, error) {
	if f.begun.ID != "" {
		return f.begun, f.fault
	}
	return f.oneImport(), f.fault
}
func (f *fake) Refusals(_ context.Context, _ comity.ImportID, after int64, _ int) ([]comity.Refusal, error) {
	if !f.full || after >= 2 {
		return nil, f.fault
	}
	return []comity.Refusal{
		{N: 1, At: "objects[17]", ID: "malware--x", Raw: []byte(`{"type":"malware","id":"malware--x"}`), Findings: []comity.Finding{{Rule: "id-format", Path: "id", Section: "2.9", Refuses: true, Msg: comity.Msg("web.as_is", comity.A("text", "The id is not a type, two hyphens and a UUID."))}}},
		{N: 2, At: "objects[90]", Raw: []byte("\xff\xfe<b>"), Cut: true, Findings: []comity.Finding{{Rule: "utf-8", Refuses: true, Msg: comity.Msg("web.as_is", comity.A("text", "The bytes are not UTF-8."))}}}}, f.fault
}
func (f *fake) UndoImport(context.Context, node.Actor, string, bool) (node.UndoResult, error) {
	return node.UndoResult{Deleted: 24000, Kept: 771}, f.fault
}

func (f *fake) peer() node.PeerView {
	if !f.full {
		return node.PeerView{}
	}
	return node.PeerView{Peer: comity.Peer{ID: peerID, Name: "CERT-KE", Country: "KE", Sector: "government", URL: "https://node.cert.example.ke:8443", State: comity.PeerActive, TheyVerified: true,
		Introduced: fakeNow.Add(-300 * time.Hour), VerifiedAt: fakeNow.Add(-299 * time.Hour), SeenAt: fakeNow.Add(-20 * time.Second)},
		Fingerprint: "a1b2 c3d4 e5f6 0718", PairCode: "48213 90517 33862 71045 26690 18834 57201 99316 40028 63571 12945 80467",
		Given: 1204, Received: 980, Lag: 3, LastReceipt: fakeNow.Add(-4 * time.Minute), Agreements: []node.AgreementView{f.agreement()}}
}
func (f *fake) introduced() node.PeerView {
	p := f.peer()
	p.ID, p.Name, p.State, p.VerifiedAt, p.Agreements = "new7ajx5w2qtr4mcvb6hd3psy2fzg5nu", "Institut Réseaux", comity.PeerIntroduced, time.Time{}, nil
	p.Country, p.Sector, p.Given, p.Received, p.Lag = "FR", "research", 0, 0, 0
	p.Fault, p.FaultAt = comity.Msg("web.error.kind.unreachable"), fakeNow.Add(-time.Hour)
	return p
}
func (f *fake) AddPeer(context.Context, node.Actor, string, []byte) (node.PeerView, error) {
	return f.peer(), f.fault
}
func (f *fake) IdentityNote(context.Context) ([]byte, error) { return []byte("note\n"), f.fault }
func (f *fake) Peers(context.Context) ([]node.PeerView, error) {
	if !f.full {
		return nil, f.fault
	}
	return []node.PeerView{f.peer(), f.introduced()}, f.fault
}
func (f *fake) Peer(_ context.Context, who string) (node.PeerView, error) {
	if f.full && who != string(peerID) {
		return f.introduced(), f.fault
	}
	return f.peer(), f.fault
}
func (f *fake) VerifyPeer(_ context.Context, _ node.Actor, who, code string) (node.PeerView, error) {
	if code == "bad" {
		return node.PeerView{}, comity.E(comity.Unverified, "peer verify", who, comity.Msg("web.error.kind.unverified"), nil)
	}
	return f.peer(), f.fault
}
func (f *fake) SuspendPeer(context.Context, node.Actor, string, bool) (node.PeerView, error) {
	return f.peer(), f.fault
}
func (f *fake) EndPeer(context.Context, node.Actor, string) (node.PeerView, error) {
	return f.peer(), f.fault
}

func (f *fake) agreement() node.AgreementView {
	if !f.full {
		return node.AgreementView{}
	}
	parties := []comity.Party{{ID: selfID, Name: "KZ-CERT"}, {ID: peerID, Name: "CERT-KE"}}
	return node.AgreementView{Agreement: comity.Agreement{ID: agrID, Kind: "bilateral", Title: "Indicators between KZ and KE", Parties: parties, State: comity.AgreementActive,
		Streams: []comity.Stream{{Name: "indicators", Max: comity.AmberStrict, Types: []string{"indicator", "sighting", "malware"}, Purpose: []string{"detection", "prevention"}, Within: "PT15M", Backfill: "P90D", Onward: comity.OnwardConstituency, Retention: "P365D"},
			{Name: "advisories", Publishers: []comity.MemberID{selfID}, Max: comity.Green, Filter: "sector in (finance)", Backfill: "all", Onward: comity.OnwardTLP}, {Name: "bare"}},
		Quota: comity.Quota{ObjectsDay: 200000, BytesDay: 2e9}, ReceiptsWithin: "PT1H", ErasureWithin: "PT72H", Confirm: "1/1", Notice: "P30D",
		Asymmetries: []string{"Only KZ-CERT publishes advisories."}, ValidFrom: fakeNow.Add(-200 * time.Hour)},
		Record: store.AgreementRecord{Body: []byte("comity/agreement/v1\n{}\n")}, SignedBy: parties[:1], Missing: parties[1:],
		Symmetry: []node.Asymmetry{{Msg: comity.Msg("web.as_is", comity.A("text", "Only KZ-CERT publishes in “advisories”.")), Declared: true}, {Msg: comity.Msg("web.as_is", comity.A("text", "Another."))}},
		Findings: []comity.Message{comity.Msg("web.as_is", comity.A("text", "No last day is set."))}, Channels: f.channels()}
}
func (f *fake) AgreementTemplate(context.Context, string, string) ([]byte, error) {
	return []byte("{\n  \"kind\": \"bilateral\",\n  \"title\": \"Indicators\"\n}\n"), f.fault
}
func (f *fake) ProposeAgreement(context.Context, node.Actor, []byte) (node.AgreementView, error) {
	return f.agreement(), f.fault
}
func (f *fake) Agreements(context.Context) ([]node.AgreementView, error) {
	if !f.full {
		return nil, f.fault
	}
	waits := f.agreement()
	waits.State, waits.MineMissing, waits.Title = comity.AgreementProposed, true, "Advisories with Institut Réseaux"
	return []node.AgreementView{waits, f.agreement()}, f.fault
}
func (f *fake) Agreement(_ context.Context, id string) (node.AgreementView, error) {
	a := f.agreement()
	if id == "waiting" {
		a.State, a.MineMissing = comity.AgreementProposed, true
	}
	return a, f.fault
}
func (f *fake) SignAgreement(context.Context, node.Actor, string) (node.AgreementView, error) {
	return f.agreement(), f.fault
}
func (f *fake) SuspendAgreement(context.Context, node.Actor, string, bool) (node.AgreementView, error) {
	return f.agreement(), f.fault
}
func (f *fake) EndAgreement(context.Context, node.Actor, string) (node.AgreementView, error) {
	return f.agreement(), f.fault
}
func (f *fake) CheckAgreement(context.Context, string, []byte) (node.AgreementView, error) {
	return f.agreement(), f.fault
}

func (f *fake) channel() node.ChannelView {
	if !f.full {
		return node.ChannelView{}
	}
	return node.ChannelView{Channel: comity.Channel{ID: chanID, Agreement: agrID, Publisher: selfID, Stream: "indicators", Own: true, Head: comity.Head{Size: 1204, Root: comity.Hash{9, 8, 7}}, SignedSize: 1204,
		Checkpoint: []byte(string(selfID) + "/ch/" + string(chanID) + "\n1204\nCQgHAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n— " + string(selfID) + "/log zw8Yh1Zq5b0nq5l3uTzZ\n"), CheckedAt: fakeNow},
		PublisherName: "KZ-CERT", Title: "Indicators between KZ and KE", Receipted: 1, Confirmed: 1204,
		Readers: []node.ReaderView{{Member: peerID, Name: "CERT-KE", Size: 1204, At: fakeNow.Add(-4 * time.Minute)}}}
}
func (f *fake) channels() []node.ChannelView {
	if !f.full {
		return nil
	}
	own, theirs, bad, late := f.channel(), f.channel(), f.channel(), f.channel()
	theirs.Own, theirs.PublisherName, theirs.Head.Size, theirs.Readers = false, "CERT-KE", 980, nil
	bad.Own, bad.PublisherName, bad.Stream, bad.FaultAt = false, "CERT-KE", "sightings", fakeNow.Add(-40*time.Minute)
	bad.Fault = comity.Msg("web.as_is", comity.A("text", "The publisher’s tree of 412 entries does not contain the 398 entries verified here."))
	late.Stream, late.Receipted, late.Readers = "advisories", 0, []node.ReaderView{{Name: "CERT-KE", Member: peerID}}
	return []node.ChannelView{own, theirs, bad, late}
}
func (f *fake) Channels(context.Context) ([]node.ChannelView, error) { return f.channels(), f.fault }
func (f *fake) Channel(context.Context, string) (node.ChannelView, error) {
	return f.channel(), f.fault
}
func (f *fake) Entries(_ context.Context, _ comity.ChannelID, from int64, limit int) ([]node.EntryView, error) {
	if !f.full {
		return nil, f.fault
	}
	kinds := []comity.EntryKind{comity.EntryPut, comity.EntryPut, comity.EntryRevoke, comity.EntryErase, comity.EntryMark, comity.EntryCtl}
	var out []node.EntryView
	for i := range min(limit, 12) {
		v := f.version(i)
		e := node.EntryView{Entry: store.Entry{Index: from + int64(i), Kind: kinds[i%6], Handle: "3vK0Yx2mQ9aLr7Tz", Object: v.ID, At: v.Received}, Name: v.Name, Type: v.Type, Mark: v.Handling}
		if i%6 == 3 {
			e.Object, e.Why = "", "personal_data"
		}
		out = append(out, e)
	}
	return out, f.fault
}
func (f *fake) Verify(context.Context, node.Actor, string, func(node.Progress)) ([]node.VerifyReport, error) {
	if !f.full {
		return nil, f.fault
	}
	return []node.VerifyReport{{Channel: chanID, Title: "Indicators between KZ and KE", OK: true, Entries: 1204, Payloads: 1190, Erased: 14, Receipts: 1, Root: "0908070000000000000000000000000000000000000000000000000000000000", Took: 412 * time.Millisecond},
		{Channel: "bad", OK: false, Problems: []comity.Message{comity.Msg("web.as_is", comity.A("text", "Entry 7 does not match."))}}}, f.fault
}
