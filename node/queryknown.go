package node

import (
	"context"
	"strings"
)

// stixTypes are the object types of STIX 2.1, between spaces.
const stixTypes = " artifact attack-pattern autonomous-system bundle campaign course-of-action directory domain-name " +
	"email-addr email-message extension-definition file grouping identity incident indicator infrastructure " +
	"intrusion-set ipv4-addr ipv6-addr language-content location mac-addr malware malware-analysis " +
	"marking-definition mutex network-traffic note observed-data opinion process relationship report sighting " +
	"software threat-actor tool url user-account vulnerability windows-registry-key x509-certificate "

// KnowsType reports whether a query may ask for a type: one of STIX, or one of
// which objects are held.
func (n *Node) KnowsType(ctx context.Context, name string) (bool, error) {
	if name != "" && !strings.Contains(name, " ") && strings.Contains(stixTypes, " "+name+" ") {
		return true, nil
	}
	s, err := n.Status(ctx)
	if err != nil {
		return false, err
	}
	for _, t := range s.Types {
		if t.Name == name {
			return true, nil
		}
	}
	return false, nil
}
