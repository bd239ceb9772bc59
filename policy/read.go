package policy

import (
	"time"

	"github.com/comity-net/comity"
)

// MayRead says whether a receiver may read, at the time now, what the node self
// publishes in a stream of an agreement: it is a party, verified and not
// suspended, the agreement has begun and is not suspended, and self may publish
// there. What the channel holds was decided entry by entry when it was put
// there; after the end nothing new is, but withdrawals still reach the reader.
func MayRead(to Receiver, a comity.Agreement, stream string, self comity.MemberID, now time.Time) comity.Decision {
	j := judge{to: &to, now: now}
	d := comity.Decision{Receiver: to.Member}
	if j.mayRead(&a, stream, self) {
		d.Verdict, d.Agreement, d.Stream = comity.Allow, a.ID, stream
	}
	d.Reasons = j.reasons
	return d
}

func (j *judge) mayRead(a *comity.Agreement, stream string, self comity.MemberID) bool {
	if self == "" || j.to.Member == "" || !a.Has(self) || !a.Has(j.to.Member) {
		return j.refuse("agreement", "policy.not_parties")
	}
	if !j.member() {
		return false
	}
	switch a.State {
	case comity.AgreementActive, comity.AgreementEnded, comity.AgreementSuperseded:
	default:
		return j.refuse("agreement", "policy.agreement_state", arg("state", stateWord(a.State)))
	}
	if a.ValidFrom.IsZero() || j.now.Before(a.ValidFrom) {
		return j.refuse("agreement", "policy.agreement_early", day("from", a.ValidFrom))
	}
	for i := range a.Streams {
		if a.Streams[i].Name == stream && a.Streams[i].Publishes(self) {
			j.say("agreement", comity.Allow, "policy.may_read", arg("stream", stream))
			return true
		}
	}
	return j.refuse("agreement", "policy.not_publisher", arg("stream", stream))
}
