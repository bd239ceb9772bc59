package node

import "github.com/comity-net/comity/policy"

// The roles of people outside who have no node. They come by TAXII only, never
// to the pages or the JSON API, and only to collections opened to them.
const (
	RoleConstituent Role = "constituent" // one whom this node serves: up to TLP:AMBER
	RoleCommunity   Role = "community"   // one who works in the same field: up to TLP:GREEN
	RolePublic      Role = "public"      // anybody: TLP:CLEAR
)

// Outside reports whether the role is not of this node's own organisation; an
// unknown role is outside.
func (r Role) Outside() bool { return r.circle() != policy.Organisation }

// circle is the audience that the role reads as.
func (r Role) circle() policy.Circle {
	switch r {
	case RoleReader, RoleAnalyst, RoleAdmin:
		return policy.Organisation
	case RoleConstituent:
		return policy.Constituents
	case RoleCommunity:
		return policy.Community
	case RolePublic:
		return policy.Public
	}
	return policy.Nobody
}
