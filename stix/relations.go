package stix

import (
	"strings"

	"github.com/comity-net/comity"
)

// relation is one kind of relationship between two types.
type relation struct{ source, kind, target string }

// relations are the relationships that the text lists with its domain and
// observable objects (the tables "Relationships" of sections 4 and 6; Appendix
// B repeats them).
var relations = func() map[relation]bool {
	out := map[relation]bool{}
	for line := range strings.Lines(relationTable) {
		f := strings.Fields(line)
		if len(f) != 3 {
			continue
		}
		for kind := range strings.SplitSeq(f[1], ",") {
			for target := range strings.SplitSeq(f[2], ",") {
				if target != "SCO" {
					out[relation{f[0], kind, target}] = true
					continue
				}
				for name, s := range types {
					if s.class == classSCO {
						out[relation{f[0], kind, name}] = true
					}
				}
			}
		}
	}
	return out
}()

// commonRelations stand between any two domain or observable objects (section
// 3.7).
var commonRelations = map[string]bool{"derived-from": true, "duplicate-of": true, "related-to": true}

const relationTable = `
attack-pattern delivers malware
attack-pattern targets identity,location,vulnerability
attack-pattern uses malware,tool
campaign attributed-to intrusion-set,threat-actor
campaign compromises infrastructure
campaign originates-from location
campaign targets identity,location,vulnerability
campaign uses attack-pattern,infrastructure,malware,tool
course-of-action investigates indicator
course-of-action mitigates attack-pattern,indicator,malware,tool,vulnerability
course-of-action remediates malware,vulnerability
domain-name resolves-to domain-name,ipv4-addr,ipv6-addr
identity located-at location
indicator indicates attack-pattern,campaign,infrastructure,intrusion-set,malware,threat-actor,tool
indicator based-on observed-data
infrastructure communicates-with infrastructure,ipv4-addr,ipv6-addr,domain-name,url
infrastructure consists-of infrastructure,observed-data,SCO
infrastructure controls infrastructure,malware
infrastructure delivers malware
infrastructure has vulnerability
infrastructure hosts tool,malware
infrastructure located-at location
infrastructure uses infrastructure
intrusion-set attributed-to threat-actor
intrusion-set compromises infrastructure
intrusion-set hosts,owns infrastructure
intrusion-set originates-from location
intrusion-set targets identity,location,vulnerability
intrusion-set uses attack-pattern,infrastructure,malware,tool
ipv4-addr belongs-to autonomous-system
ipv4-addr resolves-to mac-addr
ipv6-addr belongs-to autonomous-system
ipv6-addr resolves-to mac-addr
malware authored-by threat-actor,intrusion-set
malware beacons-to,exfiltrates-to infrastructure
malware communicates-with ipv4-addr,ipv6-addr,domain-name,url
malware controls malware
malware downloads,drops malware,tool,file
malware exploits vulnerability
malware originates-from location
malware targets identity,infrastructure,location,vulnerability
malware uses attack-pattern,infrastructure,malware,tool
malware variant-of malware
malware-analysis characterizes,av-analysis-of,static-analysis-of,dynamic-analysis-of malware
threat-actor attributed-to,impersonates identity
threat-actor compromises,hosts,owns infrastructure
threat-actor located-at location
threat-actor targets identity,location,vulnerability
threat-actor uses attack-pattern,infrastructure,malware,tool
tool delivers,drops malware
tool has vulnerability
tool targets identity,infrastructure,location,vulnerability
tool uses infrastructure
`

// relationship judges the name of a relationship, and whether the text lists
// it between these types. One that is not listed is allowed, so it only warns;
// the text can list none for types that it does not define.
func (c *check) relationship() {
	i := c.t.get(0, "relationship_type")
	kind := c.t.text0(0, "relationship_type")
	if kind == "" {
		return
	}
	if strings.Trim(kind, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		c.breach(ruleRelationName, i, comity.A("value", clip(kind, 100)))
		return
	}
	source := comity.ObjectID(c.t.text0(0, "source_ref")).Type()
	target := comity.ObjectID(c.t.text0(0, "target_ref")).Type()
	if types[source] == nil || types[target] == nil || commonRelations[kind] || relations[relation{source, kind, target}] {
		return
	}
	c.say(ruleRelation, "relationship_type", types[source].section,
		comity.A("value", clip(kind, 100)), comity.A("source", source), comity.A("target", target))
}
