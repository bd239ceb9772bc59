package policy

import (
	"slices"
	"strings"
	"time"

	"github.com/comity-net/comity"
)

// Rules are agreements made ready: filters read, streams in order, and found by
// party. They are never changed after Prepare and may be used by many at once.
type Rules struct {
	self comity.MemberID
	with map[comity.MemberID][]*agreementRule // by the other party, ordered by id
}

// agreementRule is one agreement that this node is a party to.
type agreementRule struct {
	a       comity.Agreement
	streams []streamRule // ordered by name
}

// streamRule is one stream of it.
type streamRule struct {
	of        *agreementRule
	s         comity.Stream
	publishes bool // this node may publish in it
	filter    Filter
	filterErr error
	keep      Span // retention
	keepErr   error
}

// Prepare makes agreements ready for the node self. It keeps nothing of the
// slice itself. Agreements without self as a party are left out.
func Prepare(agreements []comity.Agreement, self comity.MemberID) *Rules {
	r := &Rules{self: self, with: make(map[comity.MemberID][]*agreementRule)}
	rules := make([]*agreementRule, 0, len(agreements))
	for i := range agreements {
		if self != "" && agreements[i].Has(self) {
			rules = append(rules, newRule(agreements[i], self))
		}
	}
	slices.SortStableFunc(rules, func(x, y *agreementRule) int { return strings.Compare(string(x.a.ID), string(y.a.ID)) })
	for _, rule := range rules {
		for _, p := range rule.a.Others(self) {
			if l := r.with[p.ID]; len(l) == 0 || l[len(l)-1] != rule { // named twice, meant once
				r.with[p.ID] = append(l, rule)
			}
		}
	}
	return r
}

func newRule(a comity.Agreement, self comity.MemberID) *agreementRule {
	rule := &agreementRule{a: a, streams: make([]streamRule, len(a.Streams))}
	for i, s := range a.Streams {
		sr := streamRule{of: rule, s: s, publishes: s.Publishes(self)}
		sr.filter, sr.filterErr = ParseFilter(s.Filter)
		sr.keep, sr.keepErr = ParsePeriod(s.Retention)
		rule.streams[i] = sr
	}
	slices.SortStableFunc(rule.streams, func(x, y streamRule) int { return strings.Compare(x.s.Name, y.s.Name) })
	return rule
}

// agreements asks every agreement with the receiver, stream by stream, and gives
// the stream with the narrowest ceiling that allows; among equals the first by
// agreement and name.
func (j *judge) agreements() *streamRule {
	rules := j.rules.with[j.to.Member]
	if len(rules) == 0 {
		j.refuse("default", "policy.no_agreement")
		return nil
	}
	var best *streamRule
	for _, rule := range rules {
		if !j.inForce(rule) {
			continue
		}
		for i := range rule.streams {
			if sr := &rule.streams[i]; j.stream(sr) {
				if best == nil || sr.s.Max < best.s.Max {
					best = sr
				}
				if j.quiet {
					return best
				}
			}
		}
	}
	return best
}

// inForce asks for the agreement as a whole.
func (j *judge) inForce(rule *agreementRule) bool {
	key, args := standing(&rule.a, j.now)
	switch {
	case key != "":
		j.refuse("agreement", key, args)
	case len(rule.streams) == 0:
		j.refuse("agreement", "policy.no_streams")
	default:
		return true
	}
	j.place(rule.a.ID, "")
	return false
}

// standing says why an agreement is not in force at a time; "" when it is.
func standing(a *comity.Agreement, now time.Time) (key string, detail comity.Arg) {
	switch {
	case a.State != comity.AgreementActive:
		return "policy.agreement_state", arg("state", stateWord(a.State))
	case a.ValidFrom.IsZero() || now.Before(a.ValidFrom):
		return "policy.agreement_early", day("from", a.ValidFrom)
	case !a.ValidUntil.IsZero() && !now.Before(a.ValidUntil):
		return "policy.agreement_over", day("until", a.ValidUntil)
	}
	return "", comity.Arg{}
}

// stateWord names the message of an agreement's state.
func stateWord(s comity.AgreementState) string {
	switch s {
	case comity.AgreementDraft:
		return "msg:policy.state_draft"
	case comity.AgreementProposed:
		return "msg:policy.state_proposed"
	case comity.AgreementComplete:
		return "msg:policy.state_complete"
	case comity.AgreementSuspended:
		return "msg:policy.state_suspended"
	case comity.AgreementSuperseded:
		return "msg:policy.state_superseded"
	case comity.AgreementEnded:
		return "msg:policy.state_ended"
	}
	return "msg:policy.state_unknown"
}

// day makes an Arg of a date.
func day(name string, t time.Time) comity.Arg {
	return comity.Arg{Name: name, Value: t.UTC().Format(time.DateOnly)}
}

// stream asks for one stream of an agreement in force.
func (j *judge) stream(sr *streamRule) bool {
	ok := j.clauses(sr) && j.travels(sr) && j.quota(sr)
	if ok {
		j.say("agreement", comity.Allow, "policy.allowed", arg("stream", sr.s.Name), label("max", sr.s.Max))
	}
	j.place(sr.of.a.ID, sr.s.Name)
	return ok
}

// clauses asks publisher, type, ceiling and filter.
func (j *judge) clauses(sr *streamRule) bool {
	o := j.item.Object
	meta := isMeta(o.Type)
	switch {
	case !sr.publishes:
		return j.refuse("agreement", "policy.not_publisher", arg("stream", sr.s.Name))
	case !meta && !hasType(sr.s.Types, o.Type):
		return j.refuse("agreement", "policy.type_not_in_stream", arg("stream", sr.s.Name), arg("type", o.Type))
	case sr.s.Max == comity.Unmarked || sr.s.Max > comity.Red:
		return j.refuse("agreement", "policy.no_ceiling", arg("stream", sr.s.Name))
	case j.label > sr.s.Max && j.granular != nil:
		return j.refuse("agreement", "policy.above_ceiling_granular", arg("stream", sr.s.Name),
			label("label", j.label), label("max", sr.s.Max), arg("selectors", selectors(j.granular)))
	case j.label > sr.s.Max:
		return j.refuse("agreement", "policy.above_ceiling", arg("stream", sr.s.Name), label("label", j.label), label("max", sr.s.Max))
	case meta:
		return true
	case sr.filterErr != nil:
		return j.refuse("agreement", "policy.bad_filter", arg("stream", sr.s.Name))
	case !sr.filter.MatchUnder(o, j.label):
		return j.refuse("agreement", "policy.filter_no_match", arg("stream", sr.s.Name), arg("filter", sr.s.Filter))
	}
	return true
}

// travels asks whether a peer's object keeps its purposes and its end.
func (j *judge) travels(sr *streamRule) bool {
	if j.item.Origin == "" {
		return true
	}
	for i := range j.item.Under {
		if g := &j.item.Under[i]; !within(sr.s.Purpose, g.Purpose) {
			return j.refuse("agreement", "policy.purpose_wider", arg("stream", sr.s.Name), arg("origin", j.item.Origin.Short()))
		}
	}
	for i := range j.item.Under {
		if g := &j.item.Under[i]; !sr.noLonger(g.Retention) {
			return j.refuse("agreement", "policy.retention_longer", arg("stream", sr.s.Name), arg("origin", j.item.Origin.Short()))
		}
	}
	return true
}

// within reports whether the purposes of a stream are among those granted. No
// purposes means any purpose.
func within(stream, granted []string) bool {
	if len(granted) == 0 {
		return true
	}
	for _, p := range stream {
		if !slices.Contains(granted, p) {
			return false
		}
	}
	return len(stream) > 0
}

// noLonger reports whether the stream's readers delete at least as early as the
// grant asks. A period that cannot be read is no promise.
func (sr *streamRule) noLonger(granted comity.Period) bool {
	if granted == "" {
		return true
	}
	if sr.keepErr != nil || sr.s.Retention == "" {
		return false
	}
	if sr.s.Retention == granted {
		return true
	}
	g, err := ParsePeriod(granted)
	return err == nil && sr.keep.atMost(g)
}

// quota asks what is left of the day.
func (j *judge) quota(sr *streamRule) bool {
	used := j.item.Used[sr.of.a.ID]
	return j.left(&sr.of.a, used, max(j.item.Size, int64(len(j.item.Object.Raw))))
}

// left asks whether one more object of size bytes is within an agreement's
// quota.
func (j *judge) left(a *comity.Agreement, used Usage, size int64) bool {
	if q := a.Quota.ObjectsDay; q != 0 && used.ObjectsToday >= q {
		if j.quiet {
			return false
		}
		return j.refuse("agreement", "policy.quota_objects", number("used", used.ObjectsToday), number("quota", q))
	}
	if q := a.Quota.BytesDay; q != 0 && used.BytesToday > q-size {
		if j.quiet {
			return false
		}
		return j.refuse("agreement", "policy.quota_bytes", number("used", used.BytesToday), number("quota", q), number("size", size))
	}
	return true
}

// isMeta reports whether a type is one that other objects need to be understood;
// it may go wherever the ceiling allows.
func isMeta(typ string) bool {
	switch typ {
	case "marking-definition", "extension-definition", "language-content":
		return true
	}
	return false
}

// hasType reports whether a stream carries a type; none named, or "*", means
// every type.
func hasType(types []string, typ string) bool {
	if len(types) == 0 {
		return true
	}
	for _, t := range types {
		if t == typ || t == "*" {
			return true
		}
	}
	return false
}
