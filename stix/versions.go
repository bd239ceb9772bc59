package stix

import (
	"bytes"

	"github.com/gowebpki/jcs"

	"github.com/comity-net/comity"
)

// CheckVersion judges a version of an object against those that are known of
// it, by the rules of section 3.6: only the creator may version an object,
// created does not change, nothing follows a revocation, and one version says
// one thing. known may hold objects of other ids, which do not matter, and the
// version itself. Nothing to say gives an empty list; what refuses in standard
// mode has Refuses set.
//
// An object that has no versions is compared with nothing but a twin: two
// observables under one id that differ are reported as a conflict.
func CheckVersion(known []comity.Object, next *comity.Object) []comity.Finding {
	c := check{}
	for i := range known {
		k := &known[i]
		if k.ID != next.ID {
			continue
		}
		if k.Modified.Equal(next.Modified) {
			if !sameObject(k.Raw, next.Raw) {
				c.say(ruleNextSame, "modified", "", comity.A("id", next.ID))
			}
			continue
		}
		if k.Creator != next.Creator {
			c.say(ruleNextCreator, "created_by_ref", "", comity.A("id", next.ID), comity.A("creator", k.Creator))
		}
		if !k.Created.Equal(next.Created) {
			c.say(ruleNextCreated, "created", "", comity.A("id", next.ID), comity.A("value", FormatTime(k.Created)))
		}
		if k.Revoked && k.Modified.Before(next.Modified) {
			c.say(ruleNextRevoked, "modified", "", comity.A("id", next.ID))
		}
	}
	return c.rep.Findings
}

// sameObject compares by what the JSON says, not by how it is written.
func sameObject(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	x, errX := jcs.Transform(a)
	y, errY := jcs.Transform(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}
