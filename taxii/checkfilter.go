package taxii

import (
	"cmp"
	"encoding/json"
	"strconv"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/stix"
)

func itoa(n int) string { return strconv.Itoa(n) }

// standardTypes are those of STIX 2.1.
const standardTypes = "attack-pattern,campaign,course-of-action,grouping,identity,incident,indicator,infrastructure,intrusion-set,location,malware,malware-analysis,note,observed-data,opinion,report,threat-actor,tool,vulnerability,relationship,sighting,artifact,autonomous-system,directory,domain-name,email-addr,email-message,file,ipv4-addr,ipv6-addr,mac-addr,mutex,network-traffic,process,software,url,user-account,windows-registry-key,x509-certificate,extension-definition,language-content,marking-definition"

// filterChecks looks at each match field and their combination.
func (p *probe) filterChecks() {
	g := p.objects("match[type]", "x-comity-no-such-type")
	p.is("match_type_unknown", g.empty() || g.refused(400), "%v n=%d", g.reply, len(g.ids))
	g = p.objects("match[type]", standardTypes, "limit", "1")
	p.is("match_type_standard", g.ok, "%v", g.reply)
	g = p.objects("match[type]", "indicator", "match[type]", "malware")
	p.is("match_twice", g.refused(400), "%v", g.reply)
	if len(p.sample) == 0 {
		p.skip("match_type", "match_type_or", "match_id", "match_and", "match_version_last", "match_version_exact", "match_spec_version")
		return
	}
	p.matchNames()
	p.matchVersions()
}

func (p *probe) matchNames() {
	s := p.sample[0]
	typ := comity.ObjectID(s.ID).Type()
	only := func(g probePage, types ...string) bool {
		for _, id := range g.ids {
			if t := comity.ObjectID(id).Type(); t != types[0] && t != types[len(types)-1] {
				return false
			}
		}
		return g.ok && len(g.ids) > 0
	}
	g := p.objects("match[type]", typ, "limit", "20")
	p.is("match_type", only(g, typ), "%s: n=%d", typ, len(g.ids))
	other := ""
	for _, r := range p.sample {
		if t := comity.ObjectID(r.ID).Type(); t != typ {
			other = t
		}
	}
	if other == "" {
		p.skip("match_type_or")
	} else {
		g = p.objects("match[type]", typ+","+other, "limit", "50")
		p.is("match_type_or", only(g, typ, other) && len(g.ids) > 1, "%s,%s: n=%d", typ, other, len(g.ids))
	}
	g = p.objects("match[id]", s.ID)
	p.is("match_id", g.ok && len(g.ids) == 1 && g.ids[0] == s.ID, "n=%d", len(g.ids))
	g = p.objects("match[id]", s.ID, "match[type]", "x-comity-no-such-type")
	p.is("match_and", g.empty() || g.refused(400), "%v n=%d", g.reply, len(g.ids))
}

func (p *probe) matchVersions() {
	s := p.sample[0]
	plain, last := p.objects("limit", "20"), p.objects("limit", "20", "match[version]", "last")
	same := plain.ok && last.ok && len(plain.ids) == len(last.ids)
	for i := range plain.ids {
		same = same && plain.ids[i] == last.ids[i]
	}
	p.is("match_version_last", same, "%d / %d", len(plain.ids), len(last.ids))
	p.exactVersion(s)
	g := p.objects("match[spec_version]", "2.1", "limit", "50")
	wrong := ""
	for _, raw := range g.Objects {
		var n name
		json.Unmarshal(raw, &n)
		if n.Spec != "" && n.Spec != "2.1" {
			wrong = n.ID + " " + n.Spec
		}
	}
	p.is("match_spec_version", g.ok && wrong == "", "%v n=%d %s", g.reply, len(g.ids), wrong)
}

// exactVersion asks for one version of an object, not the latest if it has more.
func (p *probe) exactVersion(s sample) {
	var v struct {
		Versions []string `json:"versions"`
	}
	p.get(p.at.JoinPath("objects", s.ID, "versions/")).into(&v)
	want := s.Version
	for _, other := range v.Versions {
		if other != s.Version {
			want = other
		}
	}
	at, ok := stix.ParseTime(want)
	if !ok {
		p.skip("match_version_exact")
		return
	}
	g := p.objects("match[id]", s.ID, "match[version]", want)
	var n name
	if len(g.Objects) == 1 {
		json.Unmarshal(g.Objects[0], &n)
	}
	got, given := stix.ParseTime(cmp.Or(n.Modified, n.Created))
	p.is("match_version_exact", g.ok && n.ID == s.ID && (!given || got.Equal(at)), "%s: n=%d %s", want, len(g.ids), n.Modified)
}
