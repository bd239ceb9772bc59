package policy

import (
	"time"

	"github.com/comity-net/comity"
)

// Arrival is one entry that came in a channel, as its reader sees it.
type Arrival struct {
	Kind      comity.EntryKind
	Publisher comity.MemberID
	Object    *comity.Object // the object of a put; nil when it could not be read
	Type      string         // its type, where Object is nil
	Handling  comity.TLP     // the label in the entry
	Size      int64          // bytes of the payload
	Used      Usage          // what the publisher has sent today under the agreement, before this
}

// Entrance says whether the node self lets an entry in that came in a stream of
// an agreement. A put needs an agreement in force, a publisher that may publish,
// a type of the stream, a label within the ceiling, and quota left. Withdrawals,
// erasures, narrower markings and notices are let in from the stream's publisher
// also when the agreement has ended: they protect what was shared before.
func Entrance(in Arrival, a comity.Agreement, stream string, self comity.MemberID, now time.Time) comity.Decision {
	j := judge{now: now}
	ok := j.entrance(&in, &a, stream, self)
	d := comity.Decision{Receiver: self, Handling: in.Handling, Reasons: j.reasons}
	if j.label > d.Handling {
		d.Handling = j.label
	}
	if ok {
		d.Verdict, d.Agreement, d.Stream = comity.Allow, a.ID, stream
	}
	return d
}

// entrance asks step by step; the first refusal decides.
func (j *judge) entrance(in *Arrival, a *comity.Agreement, stream string, self comity.MemberID) bool {
	s, ok := j.channel(in, a, stream, self)
	if ok {
		switch in.Kind {
		case comity.EntryPut:
			ok = j.put(in, a, s)
		case comity.EntryRevoke, comity.EntryErase, comity.EntryMark, comity.EntryCtl:
			j.say("agreement", comity.Allow, "policy.lifecycle", arg("stream", stream))
		default:
			ok = j.refuse("default", "policy.unknown_kind", arg("kind", in.Kind))
		}
	}
	j.place(a.ID, stream)
	return ok
}

// channel asks who may say anything in the stream at all.
func (j *judge) channel(in *Arrival, a *comity.Agreement, stream string, self comity.MemberID) (*comity.Stream, bool) {
	if in.Publisher == "" || self == "" || in.Publisher == self || !a.Has(in.Publisher) || !a.Has(self) {
		return nil, j.refuse("agreement", "policy.not_parties")
	}
	for i := range a.Streams {
		if s := &a.Streams[i]; s.Name == stream {
			if !s.Publishes(in.Publisher) {
				return nil, j.refuse("agreement", "policy.sender_not_publisher", arg("stream", stream))
			}
			return s, true
		}
	}
	return nil, j.refuse("agreement", "policy.no_such_stream", arg("stream", stream))
}

// put asks for a new object.
func (j *judge) put(in *Arrival, a *comity.Agreement, s *comity.Stream) bool {
	typ := in.Type
	j.label = in.Handling
	if in.Object != nil {
		typ = in.Object.Type
		j.label, j.granular = labelInForce(in.Object, in.Handling)
	}
	key, detail := standing(a, j.now)
	switch {
	case key != "":
		return j.refuse("agreement", key, detail)
	case in.Handling == comity.Unmarked || in.Handling > comity.Red:
		return j.refuse("marking", "policy.no_label")
	case typ == "", in.Size < 0:
		return j.refuse("default", "policy.no_object")
	case !isMeta(typ) && !hasType(s.Types, typ):
		return j.refuse("agreement", "policy.type_not_in_stream", arg("stream", s.Name), arg("type", typ))
	case j.label >= comity.Red:
		return j.refuse("marking", "policy.red")
	case s.Max == comity.Unmarked || s.Max > comity.Red:
		return j.refuse("agreement", "policy.no_ceiling", arg("stream", s.Name))
	case j.label > s.Max && j.granular != nil:
		return j.refuse("agreement", "policy.above_ceiling_granular", arg("stream", s.Name),
			label("label", j.label), label("max", s.Max), arg("selectors", selectors(j.granular)))
	case j.label > s.Max:
		return j.refuse("agreement", "policy.above_ceiling", arg("stream", s.Name), label("label", j.label), label("max", s.Max))
	case !j.left(a, in.Used, in.Size):
		return false
	}
	j.say("agreement", comity.Allow, "policy.let_in", arg("stream", s.Name), label("max", s.Max))
	return true
}
