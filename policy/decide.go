package policy

import (
	"strconv"
	"strings"
	"time"

	"github.com/comity-net/comity"
)

// Item is an object version as it stands at this node.
type Item struct {
	Object   *comity.Object
	Handling comity.TLP // the label in force at this node; Unmarked refuses
	State    comity.State
	Size     int64 // bytes that it takes in a channel; 0 means those of Object.Raw

	// Origin is the node it came from; "" when this node is its source, or had it
	// on its own as well.
	Origin comity.MemberID
	// Under lists the streams it came under; needed when Origin is set.
	Under []Grant
	// Used is what this node has published today under each agreement.
	Used map[comity.AgreementID]Usage
}

// Grant holds the clauses of one stream under which a peer's object came.
type Grant struct {
	Agreement comity.AgreementID
	Stream    string
	Onward    comity.Onward
	Purpose   []string      // empty means any
	Retention comity.Period // "" means no limit
}

// Usage is what one publisher has sent under one agreement in the current day.
type Usage struct {
	ObjectsToday int64
	BytesToday   int64
}

// Receiver is who would get it.
type Receiver struct {
	Member      comity.MemberID
	State       comity.PeerState // verified or active; everything else refuses
	Constituent bool             // it belongs to this node's own constituency
}

// Decide says whether the receiver may have the item from the node self at the
// time now, and why. Order in agreements does not matter; their ids must be
// distinct. To decide often, use Prepare.
func Decide(item Item, to Receiver, agreements []comity.Agreement, self comity.MemberID, now time.Time) comity.Decision {
	return Prepare(agreements, self).Decide(item, to, now)
}

// Decide is the package's Decide under prepared agreements.
func (r *Rules) Decide(item Item, to Receiver, now time.Time) comity.Decision {
	var arena struct {
		reasons [6]comity.Reason
		args    [12]comity.Arg
	}
	j := judge{rules: r, item: &item, to: &to, now: now, reasons: arena.reasons[:0], args: arena.args[:0]}
	chosen := j.judge()
	d := comity.Decision{Receiver: to.Member, Handling: j.label, Reasons: j.reasons}
	if chosen != nil {
		d.Verdict, d.Agreement, d.Stream = comity.Allow, chosen.of.a.ID, chosen.s.Name
	}
	return d
}

// Allowed is Decide(…).Allowed() without the reasons, for the way out of many
// objects at once.
//
// INVARIANT: both always agree (TestAllowedAgrees).
func (r *Rules) Allowed(item *Item, to *Receiver, now time.Time) bool {
	j := judge{rules: r, item: item, to: to, now: now, quiet: true}
	return j.judge() != nil
}

// judge is one decision under way.
type judge struct {
	rules *Rules
	item  *Item
	to    *Receiver
	now   time.Time
	quiet bool // only the verdict is wanted: say nothing, stop at the first answer

	label    comity.TLP // in force
	granular *comity.Granular

	reasons []comity.Reason
	args    []comity.Arg
}

// arg makes an Arg without going through fmt.
func arg[T ~string](name string, v T) comity.Arg { return comity.Arg{Name: name, Value: string(v)} }

// label makes an Arg of a TLP label.
func label(name string, t comity.TLP) comity.Arg {
	return comity.Arg{Name: name, Value: labels[min(int(t), len(labels)-1)]}
}

// labels are the labels as people write them; Label would build them each time.
var labels = [...]string{"–", "TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED"}

// say adds one reason.
func (j *judge) say(source string, effect comity.Verdict, key string, args ...comity.Arg) {
	if j.quiet {
		return
	}
	at := len(j.args)
	j.args = append(j.args, args...)
	j.reasons = append(j.reasons, comity.Reason{Source: source, Effect: effect,
		Msg: comity.Message{Key: key, Args: j.args[at:len(j.args):len(j.args)]}})
}

// refuse says why not.
func (j *judge) refuse(source, key string, args ...comity.Arg) bool {
	j.say(source, comity.Refuse, key, args...)
	return false
}

// judge gives the stream that allows, or nil.
func (j *judge) judge() *streamRule {
	if !j.complete() {
		return nil
	}
	if j.quiet {
		if !j.marking() || !j.state() || !j.onward() || !j.member() {
			return nil
		}
		return j.agreements()
	}
	// Every step is asked even after a refusal, so that all reasons are listed.
	ok := j.marking()
	ok = j.state() && ok
	ok = j.onward() && ok
	ok = j.member() && ok
	if !ok {
		return nil
	}
	return j.agreements()
}

// complete refuses zero values.
func (j *judge) complete() bool {
	o := j.item.Object
	switch {
	case o == nil || o.ID == "" || o.Type == "":
		return j.refuse("default", "policy.no_object")
	case j.rules == nil || j.rules.self == "" || j.to.Member == "":
		return j.refuse("default", "policy.no_receiver")
	case j.to.Member == j.rules.self:
		return j.refuse("default", "policy.receiver_is_self")
	}
	return true
}

// marking finds the label in force, and refuses TLP:RED and no label at all.
func (j *judge) marking() bool {
	o := j.item.Object
	if j.item.Handling == comity.Unmarked || j.item.Handling > comity.Red {
		j.label = comity.Red // what nobody labelled travels nowhere
		return j.refuse("marking", "policy.no_label")
	}
	j.label, j.granular = labelInForce(o, j.item.Handling)
	effect := comity.Allow
	if j.label >= comity.Red {
		effect = comity.Refuse
	}
	if !j.quiet {
		if j.granular != nil {
			j.say("marking", effect, "policy.label_granular", label("label", j.label), arg("selectors", selectors(j.granular)))
		} else {
			j.say("marking", effect, "policy.label", label("label", j.label))
		}
	}
	if effect == comity.Refuse {
		return j.refuse("marking", "policy.red")
	}
	return true
}

// labelInForce gives the strictest label of an object, and the granular marking that
// made it so when the object as a whole has a wider one.
func labelInForce(o *comity.Object, handling comity.TLP) (comity.TLP, *comity.Granular) {
	t := comity.Stricter(o.TLP, handling)
	var g *comity.Granular
	for i := range o.Granular {
		if o.Granular[i].TLP > t {
			t, g = o.Granular[i].TLP, &o.Granular[i]
		}
	}
	return t, g
}

// selectors lists at most five of the properties that a granular marking names.
func selectors(g *comity.Granular) string {
	const most = 5
	if len(g.Selectors) > most {
		return strings.Join(g.Selectors[:most], ", ") + " …"
	}
	return strings.Join(g.Selectors, ", ")
}

// state refuses what was erased or withdrawn here.
func (j *judge) state() bool {
	switch j.item.State {
	case comity.StateActive:
		return true
	case comity.StateRevoked:
		return j.refuse("state", "policy.revoked")
	}
	return j.refuse("state", "policy.erased")
}

// member refuses a receiver that this node does not deal with now.
func (j *judge) member() bool {
	switch j.to.State {
	case comity.PeerVerified, comity.PeerActive:
		return true
	case comity.PeerIntroduced:
		return j.refuse("member", "policy.member_unverified")
	case comity.PeerSuspended:
		return j.refuse("member", "policy.member_suspended")
	case comity.PeerEnded:
		return j.refuse("member", "policy.member_ended")
	case comity.PeerDisputed:
		return j.refuse("member", "policy.member_disputed")
	}
	return j.refuse("member", "policy.member_unknown")
}

// onward decides whether a peer's object may leave this node for the receiver:
// every stream that it came under must allow it.
func (j *judge) onward() bool {
	if j.item.Origin == "" {
		return true
	}
	if j.to.Member == j.item.Origin {
		return j.refuse("member", "policy.origin_has_it")
	}
	if j.label >= comity.AmberStrict {
		return j.refuse("marking", "policy.onward_label", label("label", j.label), arg("origin", j.item.Origin.Short()))
	}
	if len(j.item.Under) == 0 {
		return j.refuse("default", "policy.no_grant", arg("origin", j.item.Origin.Short()))
	}
	if j.label == comity.Amber && !j.to.Constituent {
		return j.refuse("marking", "policy.onward_amber", arg("origin", j.item.Origin.Short()))
	}
	var worst *Grant
	for i := range j.item.Under {
		g := &j.item.Under[i]
		if !passesOn(g.Onward, j.to.Constituent) && (worst == nil || before(g, worst)) {
			worst = g
		}
	}
	if worst == nil {
		return true
	}
	key := "policy.onward_none"
	if worst.Onward == comity.OnwardConstituency {
		key = "policy.onward_constituency"
	}
	j.refuse("agreement", key, arg("origin", j.item.Origin.Short()), arg("stream", worst.Stream))
	j.place(worst.Agreement, worst.Stream)
	return false
}

// passesOn reads an onward clause; an unknown word passes nothing on.
func passesOn(o comity.Onward, constituent bool) bool {
	return o == comity.OnwardTLP || (o == comity.OnwardConstituency && constituent)
}

// before orders grants, so that the one named does not depend on their order.
func before(a, b *Grant) bool {
	if a.Agreement != b.Agreement {
		return a.Agreement < b.Agreement
	}
	if a.Stream != b.Stream {
		return a.Stream < b.Stream
	}
	return a.Onward < b.Onward
}

// place says under which agreement and stream the last reason stands.
func (j *judge) place(id comity.AgreementID, stream string) {
	if n := len(j.reasons); n > 0 && !j.quiet {
		j.reasons[n-1].Agreement, j.reasons[n-1].Stream = id, stream
	}
}

// number makes an Arg of a number.
func number(name string, n int64) comity.Arg {
	return comity.Arg{Name: name, Value: strconv.FormatInt(n, 10)}
}
