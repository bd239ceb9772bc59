package federation

import (
	"encoding/base64"
	"fmt"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/policy"
)

// agreement checks the body and gives its clauses. Every clause must be one that
// this version knows: what cannot be understood cannot be enforced.
func (b *agreementBody) agreement(op string) (comity.Agreement, error) {
	var none comity.Agreement
	if field := b.wrongField(); field != "" {
		return none, invalid(op, clip(b.Title), nil, "federation.agreement_field", comity.A("field", field))
	}
	a := b.terms()
	names := map[string]bool{}
	for i := range b.Streams {
		s, field := b.Streams[i].stream(&a)
		if field == "" && names[s.Name] {
			field = "name"
		}
		if field != "" {
			return none, invalid(op, clip(b.Title), nil, "federation.agreement_field", comity.A("field", fmt.Sprintf("streams[%d].%s", i, field)))
		}
		names[s.Name] = true
		a.Streams = append(a.Streams, s)
	}
	return a, nil
}

// terms are the clauses of the agreement as a whole, without its streams.
func (b *agreementBody) terms() comity.Agreement {
	a := comity.Agreement{
		Kind: b.Kind, Title: b.Title, Parties: b.Parties,
		Quota:          comity.Quota{ObjectsDay: int64(b.Quota.ObjectsDay), BytesDay: int64(b.Quota.BytesDay)},
		ReceiptsWithin: b.Receipts.Within, ErasureWithin: b.Erasure.AnswerWithin,
		Confirm: b.Confirm, Notice: b.Notice, Asymmetries: b.Asymmetries,
		ValidFrom: b.ValidFrom.UTC(), ValidUntil: b.ValidUntil.UTC(),
	}
	if b.Prev != nil {
		a.Prev, a.Chain = *b.Prev, b.Chain
	}
	return a
}

// clauses are those of one stream, with its ceiling read.
func (b *streamBody) clauses(ceiling comity.TLP) comity.Stream {
	return comity.Stream{Name: b.Name, Publishers: b.Publishers, Max: ceiling, Types: b.Types, Filter: b.Filter, Purpose: b.Purpose,
		Within: b.Within, Backfill: b.Backfill, Onward: b.Onward, Retention: b.Retention}
}

// wrongField names the first top-level member that is wrong, or "".
func (b *agreementBody) wrongField() string {
	switch {
	case b.Prev != nil && !hexID.MatchString(string(*b.Prev)):
		return "prev"
	case (b.Prev != nil || b.Chain != "") && !hexID.MatchString(string(b.Chain)), b.Prev == nil && b.Chain != "":
		return "chain"
	case b.Kind != "bilateral" && b.Kind != "group":
		return "kind"
	case !showable(b.Title, 300):
		return "title"
	case b.Kind == "bilateral" && len(b.Parties) != 2, len(b.Parties) < 2 || len(b.Parties) > maxParties, !distinct(b.Parties):
		return "parties"
	case len(b.Streams) == 0 || len(b.Streams) > maxStreams:
		return "streams"
	case !validPeriod(b.Receipts.Within):
		return "receipts.within"
	case !validPeriod(b.Erasure.AnswerWithin):
		return "erasure.answer_within"
	case b.Confirm != "" && !fraction.MatchString(b.Confirm):
		return "confirm"
	case !validPeriod(b.Notice):
		return "notice"
	case len(b.Asymmetries) > 100:
		return "asymmetries"
	case b.ValidFrom.IsZero():
		return "valid_from"
	case !b.ValidUntil.IsZero() && !b.ValidUntil.After(b.ValidFrom):
		return "valid_until"
	}
	for _, s := range b.Asymmetries {
		if s == "" || !showable(s, 1000) {
			return "asymmetries"
		}
	}
	if nonce, err := base64.StdEncoding.Strict().DecodeString(b.Nonce); err != nil || len(nonce) != 32 {
		return "nonce"
	}
	return ""
}

// stream checks one stream and gives it, or the member that is wrong.
func (b *streamBody) stream(a *comity.Agreement) (s comity.Stream, wrong string) {
	ceiling, ok := comity.ParseTLP(b.Max)
	switch {
	case !streamName.MatchString(b.Name):
		return s, "name"
	case !ok:
		return s, "max"
	case !showable(b.Filter, 2000):
		return s, "filter"
	case !validPeriod(b.Within):
		return s, "within"
	case b.Backfill != "" && b.Backfill != "none" && b.Backfill != "all" && !validPeriod(comity.Period(b.Backfill)):
		return s, "backfill"
	case b.Onward != comity.OnwardNone && b.Onward != comity.OnwardConstituency && b.Onward != comity.OnwardTLP:
		return s, "onward"
	case !validPeriod(b.Retention):
		return s, "retention"
	case len(b.Types) > 200:
		return s, "types"
	case len(b.Purpose) > 50:
		return s, "purpose"
	}
	for _, t := range b.Types {
		if !stixType.MatchString(t) {
			return s, "types"
		}
	}
	for _, p := range b.Purpose {
		if p == "" || !showable(p, 200) {
			return s, "purpose"
		}
	}
	seen := map[comity.MemberID]bool{}
	for _, p := range b.Publishers {
		if !a.Has(p) || seen[p] {
			return s, "publishers"
		}
		seen[p] = true
	}
	return b.clauses(ceiling), ""
}

// validPeriod accepts "" and what the policy can read.
func validPeriod(p comity.Period) bool {
	_, err := policy.ParsePeriod(p)
	return err == nil
}

// distinct reports whether every party has an id of the right shape, its own,
// and a name that can be shown.
func distinct(ps []comity.Party) bool {
	seen := map[comity.MemberID]bool{}
	for _, p := range ps {
		if !validMemberID(p.ID) || seen[p.ID] || p.Name == "" || !showable(p.Name, 200) {
			return false
		}
		seen[p.ID] = true
	}
	return true
}
