package policy

import (
	"time"

	"github.com/comity-net/comity"
)

// Audience is a circle of readers that have no node of their own: they read
// collections, not channels.
type Audience struct {
	Circle Circle
	// Purpose and Retention are what these readers have promised: what they use
	// it for, and after how long they delete it. Nothing promised is no promise,
	// so that a peer's object that came with such a clause stays here.
	Purpose   []string
	Retention comity.Period
}

// Circle says how wide an audience is. The zero value is nobody.
type Circle uint8

// The circles, from the narrowest to the widest.
const (
	Nobody       Circle = iota
	Organisation        // this node's own people
	Constituents        // those whom this node serves
	Community           // those who work in the same field
	Public              // everybody
)

// ceilings are the labels up to which each circle may have objects (TLP 2.0).
// TLP:RED is for named persons, and no account stands for one.
var ceilings = [...]comity.TLP{Nobody: comity.Unmarked, Organisation: comity.AmberStrict,
	Constituents: comity.Amber, Community: comity.Green, Public: comity.Clear}

// Ceiling is the strictest label that the circle may have; Unmarked for none.
func (c Circle) Ceiling() comity.TLP {
	if int(c) < len(ceilings) {
		return ceilings[c]
	}
	return comity.Unmarked
}

// String names the message that says who the circle is.
func (c Circle) String() string {
	switch c {
	case Organisation:
		return "msg:policy.circle_organisation"
	case Constituents:
		return "msg:policy.circle_constituents"
	case Community:
		return "msg:policy.circle_community"
	case Public:
		return "msg:policy.circle_public"
	}
	return "msg:policy.circle_nobody"
}

// DecideAudience says whether an audience may read the item at this node at the
// time now, and why. Unlike a channel it also gets what was withdrawn as no
// longer true: such an object says so itself.
//
// INVARIANT: what a wider circle may have, each narrower one may have too
// (TestWiderCirclesSeeLess), and none may have more than the label says.
func DecideAudience(item Item, to Audience, now time.Time) comity.Decision {
	j := judge{item: &item, to: &Receiver{Constituent: to.Circle == Constituents}, now: now}
	d := comity.Decision{}
	if j.audience(&to) {
		j.say("marking", comity.Allow, "policy.audience_allowed", arg("circle", to.Circle.String()), label("max", to.Circle.Ceiling()))
		d.Verdict = comity.Allow
	}
	d.Handling, d.Reasons = j.label, j.reasons
	return d
}

// AllowsAudience is DecideAudience(…).Allowed() without the reasons.
//
// INVARIANT: both always agree (TestAudienceAgrees).
func AllowsAudience(item *Item, to *Audience, now time.Time) bool {
	j := judge{item: item, to: &Receiver{Constituent: to.Circle == Constituents}, now: now, quiet: true}
	return j.audience(to)
}

func (j *judge) audience(to *Audience) bool {
	o := j.item.Object
	if o == nil || o.ID == "" || o.Type == "" {
		return j.refuse("default", "policy.no_object")
	}
	if to.Circle == Nobody || to.Circle > Public {
		return j.refuse("default", "policy.audience_unknown")
	}
	ok := j.ceiling(to)
	if !ok && j.quiet {
		return false
	}
	if j.item.State != comity.StateActive && j.item.State != comity.StateRevoked {
		ok = j.refuse("state", "policy.erased")
	}
	// What this node holds, its own people may read: passing on begins behind them.
	if to.Circle == Organisation || j.item.Origin == "" {
		return ok
	}
	return j.granted(to) && ok
}

// ceiling asks the label in force.
func (j *judge) ceiling(to *Audience) bool {
	if j.item.Handling == comity.Unmarked || j.item.Handling > comity.Red {
		j.label = comity.Red
		return j.refuse("marking", "policy.no_label")
	}
	j.label, j.granular = labelInForce(j.item.Object, j.item.Handling)
	switch {
	case j.label <= to.Circle.Ceiling():
		return true
	case j.quiet:
		return false
	case j.granular != nil:
		return j.refuse("marking", "policy.audience_ceiling_granular", arg("circle", to.Circle.String()),
			label("label", j.label), label("max", to.Circle.Ceiling()), arg("selectors", selectors(j.granular)))
	}
	return j.refuse("marking", "policy.audience_ceiling", arg("circle", to.Circle.String()), label("label", j.label), label("max", to.Circle.Ceiling()))
}

// granted asks every stream that a peer's object came under: passing on, for
// which purposes, and how long.
func (j *judge) granted(to *Audience) bool {
	origin := j.item.Origin.Short()
	if len(j.item.Under) == 0 {
		return j.refuse("default", "policy.no_grant", arg("origin", origin))
	}
	var worst *Grant
	key := ""
	for i := range j.item.Under {
		g := &j.item.Under[i]
		if k := to.breaks(g); k != "" && (worst == nil || before(g, worst)) {
			worst, key = g, k
		}
	}
	if worst == nil {
		return true
	}
	j.refuse("agreement", key, arg("origin", origin), arg("stream", worst.Stream))
	j.place(worst.Agreement, worst.Stream)
	return false
}

// breaks names the clause of a grant that giving it to the audience would
// break; "" for none.
func (a *Audience) breaks(g *Grant) string {
	keep := streamRule{s: comity.Stream{Retention: a.Retention}}
	keep.keep, keep.keepErr = ParsePeriod(a.Retention)
	switch {
	case passesOn(g.Onward, a.Circle == Constituents):
	case g.Onward == comity.OnwardConstituency:
		return "policy.onward_constituency"
	default:
		return "policy.onward_none"
	}
	switch {
	case !within(a.Purpose, g.Purpose):
		return "policy.audience_purpose"
	case !keep.noLonger(g.Retention):
		return "policy.audience_retention"
	}
	return ""
}
