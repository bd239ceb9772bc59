package web

import (
	"strings"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/i18n"
)

// clause is one heading of an agreement and what stands under it, in sentences
// that a person who signs can read aloud.
type clause struct {
	Heading   string
	Sentences []string
}

// clausesOf writes every clause of an agreement as sentences. What the
// agreement leaves out is said too, since silence has a meaning.
func clausesOf(p i18n.Printer, a comity.Agreement) []clause {
	var out []clause
	for _, s := range a.Streams {
		out = append(out, clause{
			Heading:   p.T(comity.Msg("web.clause.stream", comity.A("stream", s.Name))),
			Sentences: streamSentences(p, a, s),
		})
	}
	general := generalSentences(p, a)
	return append(out, clause{Heading: p.T(comity.Msg("web.clause.general")), Sentences: general})
}

func streamSentences(p i18n.Printer, a comity.Agreement, s comity.Stream) []string {
	var out []string
	say := func(key string, args ...comity.Arg) { out = append(out, p.T(comity.Msg(key, args...))) }
	if len(s.Publishers) == 0 {
		say("web.clause.publish_all")
	} else {
		say("web.clause.publish_some", comity.A("names", partyNames(a, s.Publishers)))
	}
	if len(s.Types) == 0 {
		say("web.clause.types_all")
	} else {
		say("web.clause.types", comity.A("types", strings.Join(s.Types, ", ")))
	}
	if s.Max != comity.Unmarked {
		say("web.clause.ceiling", comity.A("label", s.Max.Label()))
	}
	if s.Filter != "" {
		say("web.clause.filter", comity.A("filter", s.Filter))
	}
	if len(s.Purpose) > 0 {
		say("web.clause.purpose", comity.A("purpose", purposeNames(p, s.Purpose)))
	} else {
		say("web.clause.purpose_none")
	}
	out = append(out, p.T(onwardMessage(s.Onward)))
	if s.Within != "" {
		say("web.clause.within", comity.A("period", p.Period(s.Within)))
	}
	switch s.Backfill {
	case "", "none":
		say("web.clause.backfill_none")
	case "all":
		say("web.clause.backfill_all")
	default:
		say("web.clause.backfill", comity.A("period", p.Period(comity.Period(s.Backfill))))
	}
	if s.Retention != "" {
		say("web.clause.retention", comity.A("period", p.Period(s.Retention)))
	} else {
		say("web.clause.retention_none")
	}
	return out
}

// purposes are the usual words of the purpose clause; others are shown as they
// stand in the agreement.
var purposes = map[string]bool{"defence": true, "detection": true, "prevention": true, "response": true, "research": true, "statistics": true, "training": true, "law-enforcement": true}

func purposeNames(p i18n.Printer, words []string) string {
	var out []string
	for _, w := range words {
		if purposes[w] {
			w = p.T(comity.Msg("web.purpose." + strings.ReplaceAll(w, "-", "_")))
		}
		out = append(out, w)
	}
	return strings.Join(out, p.T(comity.Msg("web.comma")))
}

func onwardMessage(o comity.Onward) comity.Message {
	switch o {
	case comity.OnwardConstituency:
		return comity.Msg("web.clause.onward_constituency")
	case comity.OnwardTLP:
		return comity.Msg("web.clause.onward_tlp")
	}
	return comity.Msg("web.clause.onward_none")
}

func generalSentences(p i18n.Printer, a comity.Agreement) []string {
	var out []string
	say := func(key string, args ...comity.Arg) { out = append(out, p.T(comity.Msg(key, args...))) }
	if a.Quota.ObjectsDay > 0 {
		say("web.clause.quota_objects", comity.A("n", a.Quota.ObjectsDay))
	}
	if a.Quota.BytesDay > 0 {
		say("web.clause.quota_bytes", comity.A("size", p.Bytes(a.Quota.BytesDay)))
	}
	if a.Quota == (comity.Quota{}) {
		say("web.clause.quota_none")
	}
	if a.ReceiptsWithin != "" {
		say("web.clause.receipts", comity.A("period", p.Period(a.ReceiptsWithin)))
	}
	if a.ErasureWithin != "" {
		say("web.clause.erasure", comity.A("period", p.Period(a.ErasureWithin)))
	}
	if a.Confirm != "" && len(a.Parties) == 2 {
		say("web.clause.confirm_pair")
	} else if a.Confirm != "" {
		say("web.clause.confirm", comity.A("share", a.Confirm))
	}
	if a.Notice != "" {
		say("web.clause.notice", comity.A("period", p.Period(a.Notice)))
	} else {
		say("web.clause.notice_none")
	}
	if !a.ValidFrom.IsZero() {
		say("web.clause.from", comity.A("time", p.Time(a.ValidFrom)))
	}
	if a.ValidUntil.IsZero() {
		say("web.clause.until_none")
	} else {
		say("web.clause.until", comity.A("time", p.Time(a.ValidUntil)))
	}
	for _, x := range a.Asymmetries {
		say("web.clause.asymmetry", comity.A("text", x))
	}
	if len(a.Asymmetries) == 0 {
		say("web.clause.symmetric")
	}
	return out
}

func partyNames(a comity.Agreement, ids []comity.MemberID) string {
	var names []string
	for _, id := range ids {
		name := id.Short()
		for _, p := range a.Parties {
			if p.ID == id && p.Name != "" {
				name = p.Name
			}
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}
