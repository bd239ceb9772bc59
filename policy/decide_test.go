package policy

import (
	"slices"
	"testing"

	"github.com/comity-net/comity"
)

// scene is a world in which everything allows; a case changes one thing.
func scene() world {
	return world{
		self: self,
		to:   Receiver{Member: "peer1", State: comity.PeerActive},
		item: Item{
			Object:   &comity.Object{ID: "indicator--1", Type: "indicator", Confidence: 80, Country: "KE", Raw: make([]byte, 100)},
			Handling: comity.Amber,
		},
		agreements: []comity.Agreement{{
			ID: "a1", State: comity.AgreementActive, ValidFrom: now.AddDate(0, -1, 0), ValidUntil: now.AddDate(1, 0, 0),
			Parties: []comity.Party{{ID: self}, {ID: "peer1"}},
			Streams: []comity.Stream{{Name: "indicators", Max: comity.AmberStrict, Types: []string{"indicator"}, Onward: comity.OnwardTLP}},
		}},
	}
}

// fromPeer makes the item one that came from peer2.
func fromPeer(w *world, t comity.TLP, g Grant) {
	w.item.Origin, w.item.Handling, w.item.Under = "peer2", t, []Grant{g}
}

func TestDecide(t *testing.T) {
	texts := texts(t)
	stream := func(w *world) *comity.Stream { return &w.agreements[0].Streams[0] }
	for name, tc := range map[string]struct {
		change func(*world)
		key    string // the last reason
		allow  bool
	}{
		"as it is":           {func(*world) {}, "policy.allowed", true},
		"amber+strict":       {func(w *world) { w.item.Handling = comity.AmberStrict }, "policy.allowed", true},
		"red":                {func(w *world) { w.item.Handling = comity.Red }, "policy.red", false},
		"red object":         {func(w *world) { w.item.Object.TLP = comity.Red }, "policy.red", false},
		"above ceiling":      {func(w *world) { stream(w).Max = comity.Green }, "policy.above_ceiling", false},
		"at ceiling":         {func(w *world) { stream(w).Max = comity.Amber }, "policy.allowed", true},
		"no label":           {func(w *world) { w.item.Handling = comity.Unmarked }, "policy.no_label", false},
		"erased":             {func(w *world) { w.item.State = comity.StateErased }, "policy.erased", false},
		"withdrawn":          {func(w *world) { w.item.State = comity.StateRevoked }, "policy.revoked", false},
		"revoked by creator": {func(w *world) { w.item.Object.Revoked = true }, "policy.allowed", true},
		"unverified":         {func(w *world) { w.to.State = comity.PeerIntroduced }, "policy.member_unverified", false},
		"suspended":          {func(w *world) { w.to.State = comity.PeerSuspended }, "policy.member_suspended", false},
		"ended":              {func(w *world) { w.to.State = comity.PeerEnded }, "policy.member_ended", false},
		"disputed":           {func(w *world) { w.to.State = comity.PeerDisputed }, "policy.member_disputed", false},
		"stranger":           {func(w *world) { w.to.Member = "peer9" }, "policy.no_agreement", false},
		"itself":             {func(w *world) { w.to.Member = self }, "policy.receiver_is_self", false},
		"type":               {func(w *world) { w.item.Object.Type = "malware" }, "policy.type_not_in_stream", false},
		"meta type":          {func(w *world) { w.item.Object.Type = "marking-definition"; stream(w).Filter = "type = x" }, "policy.allowed", true},
		"star":               {func(w *world) { w.item.Object.Type = "malware"; stream(w).Types = []string{"*"} }, "policy.allowed", true},
		"not publisher":      {func(w *world) { stream(w).Publishers = []comity.MemberID{"peer1"} }, "policy.not_publisher", false},
		"filter":             {func(w *world) { stream(w).Filter = "confidence > 80" }, "policy.filter_no_match", false},
		"filter matches":     {func(w *world) { stream(w).Filter = "confidence >= 80" }, "policy.allowed", true},
		"bad filter":         {func(w *world) { stream(w).Filter = "confidence >=" }, "policy.bad_filter", false},
		"suspended terms":    {func(w *world) { w.agreements[0].State = comity.AgreementSuspended }, "policy.agreement_state", false},
		"early":              {func(w *world) { w.agreements[0].ValidFrom = now.Add(1) }, "policy.agreement_early", false},
		"just begun":         {func(w *world) { w.agreements[0].ValidFrom = now }, "policy.allowed", true},
		"just over":          {func(w *world) { w.agreements[0].ValidUntil = now }, "policy.agreement_over", false},
		"last instant":       {func(w *world) { w.agreements[0].ValidUntil = now.Add(1) }, "policy.allowed", true},
		"quota":              {func(w *world) { use(w, 5, 0); w.agreements[0].Quota.ObjectsDay = 5 }, "policy.quota_objects", false},
		"quota left":         {func(w *world) { use(w, 4, 0); w.agreements[0].Quota.ObjectsDay = 5 }, "policy.allowed", true},
		"bytes":              {func(w *world) { use(w, 0, 901); w.agreements[0].Quota.BytesDay = 1000 }, "policy.quota_bytes", false},
		"bytes left":         {func(w *world) { use(w, 0, 900); w.agreements[0].Quota.BytesDay = 1000 }, "policy.allowed", true},

		"to its origin":       {func(w *world) { fromPeer(w, comity.Clear, Grant{Onward: "tlp"}); w.item.Origin = "peer1" }, "policy.origin_has_it", false},
		"peer's red":          {func(w *world) { fromPeer(w, comity.Red, Grant{Onward: "tlp"}) }, "policy.onward_label", false},
		"peer's amber+strict": {func(w *world) { fromPeer(w, comity.AmberStrict, Grant{Onward: "tlp"}) }, "policy.onward_label", false},
		"peer's amber":        {func(w *world) { fromPeer(w, comity.Amber, Grant{Onward: "tlp"}) }, "policy.onward_amber", false},
		"amber inside": {func(w *world) {
			fromPeer(w, comity.Amber, Grant{Onward: "constituency"})
			w.to.Constituent = true
		}, "policy.allowed", true},
		"peer's green":      {func(w *world) { fromPeer(w, comity.Green, Grant{Onward: "tlp"}) }, "policy.allowed", true},
		"green, inside":     {func(w *world) { fromPeer(w, comity.Green, Grant{Onward: "constituency"}) }, "policy.onward_constituency", false},
		"green, none":       {func(w *world) { fromPeer(w, comity.Green, Grant{Onward: "none"}) }, "policy.onward_none", false},
		"green, odd":        {func(w *world) { fromPeer(w, comity.Green, Grant{Onward: "maybe"}) }, "policy.onward_none", false},
		"green, no grant":   {func(w *world) { fromPeer(w, comity.Green, Grant{}); w.item.Under = nil }, "policy.no_grant", false},
		"any purpose":       {func(w *world) { fromPeer(w, comity.Green, Grant{Onward: "tlp", Purpose: []string{"defence"}}) }, "policy.purpose_wider", false},
		"other purpose":     {func(w *world) { purposes(w, "defence", "research") }, "policy.purpose_wider", false},
		"narrower purpose":  {func(w *world) { purposes(w, "defence") }, "policy.allowed", true},
		"kept for ever":     {func(w *world) { fromPeer(w, comity.Green, Grant{Onward: "tlp", Retention: "P30D"}) }, "policy.retention_longer", false},
		"kept longer":       {func(w *world) { keep(w, "P30D", "P31D") }, "policy.retention_longer", false},
		"kept as long":      {func(w *world) { keep(w, "P1M", "P1M") }, "policy.allowed", true},
		"kept perhaps long": {func(w *world) { keep(w, "P1M", "P30D") }, "policy.retention_longer", false},
		"kept shorter":      {func(w *world) { keep(w, "P1Y", "P365D") }, "policy.allowed", true},
	} {
		w := scene()
		tc.change(&w)
		d := w.decide()
		for _, r := range d.Reasons {
			fits(t, texts, r.Msg)
		}
		last := d.Reasons[len(d.Reasons)-1]
		if !slices.ContainsFunc(d.Reasons, func(r comity.Reason) bool { return r.Msg.Key == tc.key }) || d.Allowed() != tc.allow {
			t.Errorf("%s: %v, last %v; all %v", name, d.Verdict, last.Msg, d.Reasons)
		}
	}
}

func use(w *world, objects, bytes int64) {
	w.item.Used = map[comity.AgreementID]Usage{"a1": {ObjectsToday: objects, BytesToday: bytes}}
}

func purposes(w *world, ps ...string) {
	fromPeer(w, comity.Green, Grant{Onward: "tlp", Purpose: []string{"defence"}})
	w.agreements[0].Streams[0].Purpose = ps
}

func keep(w *world, granted, stream comity.Period) {
	fromPeer(w, comity.Green, Grant{Onward: "tlp", Retention: granted})
	w.agreements[0].Streams[0].Retention = stream
}

func TestGranularMarkingHoldsTheWhole(t *testing.T) {
	w := scene()
	w.item.Handling = comity.Green
	w.item.Object.Granular = []comity.Granular{{TLP: comity.AmberStrict, Selectors: []string{"description", "pattern"}}}
	w.agreements[0].Streams[0].Max = comity.Amber
	d := w.decide()
	last := d.Reasons[len(d.Reasons)-1].Msg
	if d.Allowed() || last.Key != "policy.above_ceiling_granular" || last.Args[3].Value != "description, pattern" {
		t.Errorf("%v %v", d.Verdict, d.Reasons)
	}
	w.agreements[0].Streams[0].Max = comity.AmberStrict
	if d = w.decide(); !d.Allowed() || d.Handling != comity.AmberStrict {
		t.Errorf("%v as %v", d.Verdict, d.Handling)
	}
}

func TestNarrowestStreamIsTaken(t *testing.T) {
	w := scene()
	wide := w.agreements[0]
	narrowed := wide
	narrowed.ID = "a2"
	narrowed.Streams = []comity.Stream{
		{Name: "too-narrow", Max: comity.Green}, {Name: "z", Max: comity.Amber}, {Name: "b", Max: comity.Amber},
	}
	w.agreements = []comity.Agreement{wide, narrowed}
	d := w.decide()
	if d.Agreement != "a2" || d.Stream != "b" {
		t.Errorf("took %s %s", d.Agreement, d.Stream)
	}
	var order []string
	for _, r := range d.Reasons {
		order = append(order, string(r.Agreement)+"/"+r.Stream+" "+r.Msg.Key)
	}
	want := []string{"/ policy.label", "a1/indicators policy.allowed", "a2/b policy.allowed", "a2/too-narrow policy.above_ceiling", "a2/z policy.allowed"}
	if !slices.Equal(order, want) {
		t.Errorf("reasons are %q", order)
	}
}

func TestAllGlobalReasonsAreListed(t *testing.T) {
	w := scene()
	w.item.Handling, w.item.State, w.to.State = comity.Red, comity.StateRevoked, comity.PeerSuspended
	var keys []string
	for _, r := range w.decide().Reasons {
		keys = append(keys, r.Msg.Key)
	}
	if want := []string{"policy.label", "policy.red", "policy.revoked", "policy.member_suspended"}; !slices.Equal(keys, want) {
		t.Errorf("reasons are %q", keys)
	}
}

func TestEntrance(t *testing.T) {
	texts := texts(t)
	type in struct {
		a  *comity.Agreement
		at *Arrival
		s  *string
	}
	for name, tc := range map[string]struct {
		change func(in)
		key    string
		allow  bool
	}{
		"as it is":        {func(in) {}, "policy.let_in", true},
		"other type":      {func(i in) { i.at.Type = "malware" }, "policy.type_not_in_stream", false},
		"meta type":       {func(i in) { i.at.Type = "language-content" }, "policy.let_in", true},
		"no type":         {func(i in) { i.at.Type = "" }, "policy.no_object", false},
		"no label":        {func(i in) { i.at.Handling = 0 }, "policy.no_label", false},
		"red":             {func(i in) { i.at.Handling = comity.Red }, "policy.red", false},
		"above":           {func(i in) { i.a.Streams[0].Max = comity.Green }, "policy.above_ceiling", false},
		"object stricter": {func(i in) { i.at.Object = &comity.Object{Type: "indicator", TLP: comity.Red} }, "policy.red", false},
		"granular": {func(i in) {
			i.a.Streams[0].Max = comity.Amber
			i.at.Object = &comity.Object{Type: "indicator", Granular: []comity.Granular{{TLP: comity.AmberStrict}}}
		}, "policy.above_ceiling_granular", false},
		"not publisher":  {func(i in) { i.a.Streams[0].Publishers = []comity.MemberID{self} }, "policy.sender_not_publisher", false},
		"stranger":       {func(i in) { i.at.Publisher = "peer9" }, "policy.not_parties", false},
		"itself":         {func(i in) { i.at.Publisher = self }, "policy.not_parties", false},
		"other stream":   {func(i in) { *i.s = "incidents" }, "policy.no_such_stream", false},
		"ended":          {func(i in) { i.a.State = comity.AgreementEnded }, "policy.agreement_state", false},
		"over":           {func(i in) { i.a.ValidUntil = now }, "policy.agreement_over", false},
		"quota":          {func(i in) { i.a.Quota.ObjectsDay = 3; i.at.Used.ObjectsToday = 3 }, "policy.quota_objects", false},
		"bytes":          {func(i in) { i.a.Quota.BytesDay = 99 }, "policy.quota_bytes", false},
		"negative size":  {func(i in) { i.at.Size = -1 }, "policy.no_object", false},
		"unknown kind":   {func(i in) { i.at.Kind = "seal" }, "policy.unknown_kind", false},
		"erase":          {func(i in) { i.at.Kind = comity.EntryErase }, "policy.lifecycle", true},
		"erase, ended":   {func(i in) { i.at.Kind = comity.EntryErase; i.a.State = comity.AgreementEnded }, "policy.lifecycle", true},
		"mark to red":    {func(i in) { i.at.Kind = comity.EntryMark; i.at.Handling = comity.Red }, "policy.lifecycle", true},
		"erase, not its": {func(i in) { i.at.Kind = comity.EntryErase; i.at.Publisher = "peer9" }, "policy.not_parties", false},
	} {
		a, stream := scene().agreements[0], "indicators"
		at := Arrival{Kind: comity.EntryPut, Publisher: "peer1", Type: "indicator", Handling: comity.Amber, Size: 100}
		tc.change(in{&a, &at, &stream})
		d := Entrance(at, a, stream, self, now)
		for _, r := range d.Reasons {
			fits(t, texts, r.Msg)
		}
		if last := d.Reasons[len(d.Reasons)-1]; d.Allowed() != tc.allow || last.Msg.Key != tc.key {
			t.Errorf("%s: %v %v", name, d.Verdict, d.Reasons)
		}
	}
}

func TestMayRead(t *testing.T) {
	texts := texts(t)
	for name, tc := range map[string]struct {
		change func(*world)
		key    string
		allow  bool
	}{
		"as it is":      {func(*world) {}, "policy.may_read", true},
		"suspended":     {func(w *world) { w.to.State = comity.PeerSuspended }, "policy.member_suspended", false},
		"unverified":    {func(w *world) { w.to.State = comity.PeerIntroduced }, "policy.member_unverified", false},
		"no state":      {func(w *world) { w.to.State = "" }, "policy.member_unknown", false},
		"stranger":      {func(w *world) { w.to.Member = "peer9" }, "policy.not_parties", false},
		"over":          {func(w *world) { w.agreements[0].ValidUntil = now }, "policy.may_read", true},
		"ended":         {func(w *world) { w.agreements[0].State = comity.AgreementEnded }, "policy.may_read", true},
		"agreement off": {func(w *world) { w.agreements[0].State = comity.AgreementSuspended }, "policy.agreement_state", false},
		"not begun":     {func(w *world) { w.agreements[0].ValidFrom = now.Add(1) }, "policy.agreement_early", false},
		"not publisher": {func(w *world) { w.agreements[0].Streams[0].Publishers = []comity.MemberID{"peer1"} }, "policy.not_publisher", false},
		"other stream":  {func(w *world) { w.agreements[0].Streams[0].Name = "incidents" }, "policy.not_publisher", false},
	} {
		w := scene()
		tc.change(&w)
		d := MayRead(w.to, w.agreements[0], "indicators", self, now)
		last := d.Reasons[len(d.Reasons)-1]
		fits(t, texts, last.Msg)
		if d.Allowed() != tc.allow || last.Msg.Key != tc.key {
			t.Errorf("%s: %v %v", name, d.Verdict, d.Reasons)
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	w := scene()
	rules := Prepare(w.agreements, self)
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !Decide(w.item, w.to, w.agreements, self, now).Allowed() {
				b.Fatal("refused")
			}
		}
	})
	b.Run("prepared", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if d := rules.Decide(w.item, w.to, now); !d.Allowed() {
				b.Fatal("refused")
			}
		}
	})
	b.Run("allowed", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !rules.Allowed(&w.item, &w.to, now) {
				b.Fatal("refused")
			}
		}
	})
	w.agreements[0].Streams[0].Filter = "sector in (finance) or confidence >= 50 and country in (KE, KZ)"
	w.item.Object.Raw = []byte(`{"type":"indicator","id":"indicator--1","pattern":"[ipv4-addr:value = '192.0.2.1']"}`)
	rules = Prepare(w.agreements, self)
	b.Run("allowed-filter", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !rules.Allowed(&w.item, &w.to, now) {
				b.Fatal("refused")
			}
		}
	})
}
