package stix

import (
	"crypto/sha1" //nolint:gosec // UUIDv5 is defined over SHA-1
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/comity-net/comity"
)

// CountryExtension is the id of the property extension by which an identity
// states its country, ISO 3166-1 alpha-2, in the property "country". STIX has
// no place of its own for it on an identity.
const CountryExtension comity.ObjectID = "extension-definition--9c6e1a5c-7d0f-5c1e-8a35-2d4b8f60c7e1"

// listNamespace is the UUID namespace of ids made from creator and value.
const listNamespace = "3b1f0e0a-6c1d-5e52-9a0b-0c7f9d5b7a41"

// indicatorOut is an indicator in the order of properties in which it is written.
type indicatorOut struct {
	Type           string   `json:"type"`
	SpecVersion    string   `json:"spec_version"`
	ID             string   `json:"id"`
	CreatedBy      string   `json:"created_by_ref,omitempty"`
	Created        string   `json:"created"`
	Modified       string   `json:"modified"`
	Name           string   `json:"name"`
	IndicatorTypes []string `json:"indicator_types"`
	Pattern        string   `json:"pattern"`
	PatternType    string   `json:"pattern_type"`
	ValidFrom      string   `json:"valid_from"`
	Labels         []string `json:"labels,omitempty"`
	Markings       []string `json:"object_marking_refs,omitempty"`
}

// Indicator makes an indicator object for one value in normal form. created,
// modified and valid_from are now, in milliseconds. With id "" the id is a
// UUIDv5 of creator and value, so that the same list imported twice gives the
// same ids. tlp Unmarked leaves the markings out. A value that no pattern can
// match is an error of kind Invalid.
func Indicator(v comity.Value, creator comity.ObjectID, tlp comity.TLP, labels []string, now time.Time, id comity.ObjectID) ([]byte, error) {
	pattern := Pattern(v)
	if pattern == "" {
		return nil, comity.E(comity.Invalid, "build", v.Text, comity.Msg("stix.no_pattern", comity.A("value", v.Text), comity.A("kind", v.Kind)), nil)
	}
	if id == "" {
		id = IndicatorID(creator, v)
	}
	at := FormatTime(now)
	out := indicatorOut{
		Type: "indicator", SpecVersion: "2.1", ID: string(id), CreatedBy: string(creator),
		Created: at, Modified: at, Name: v.Text, IndicatorTypes: []string{"malicious-activity"},
		Pattern: pattern, PatternType: "stix", ValidFrom: at, Labels: labels, Markings: markingRefs(tlp),
	}
	return encode(out)
}

// IndicatorID returns the id that Indicator gives by itself: a UUIDv5 of the
// creator and the value in normal form.
func IndicatorID(creator comity.ObjectID, v comity.Value) comity.ObjectID {
	return comity.ObjectID("indicator--" + uuid5(listNamespace, string(creator)+"\x00"+v.Kind.String()+"\x00"+v.Text))
}

// vulnerabilityOut is a vulnerability in the order of properties in which it is
// written.
type vulnerabilityOut struct {
	Type        string        `json:"type"`
	SpecVersion string        `json:"spec_version"`
	ID          string        `json:"id"`
	CreatedBy   string        `json:"created_by_ref,omitempty"`
	Created     string        `json:"created"`
	Modified    string        `json:"modified"`
	Name        string        `json:"name"`
	References  []externalOut `json:"external_references"`
	Markings    []string      `json:"object_marking_refs,omitempty"`
}

type externalOut struct {
	Source string `json:"source_name"`
	ID     string `json:"external_id"`
}

// Vulnerability makes a vulnerability object for a CVE id, such as
// CVE-2024-1234, as section 4.19 says to refer to one. created and modified are
// now, in milliseconds. With id "" the id is a UUIDv5 of creator and CVE id, so
// that the same list imported twice gives the same ids. tlp Unmarked leaves the
// markings out. Anything but a CVE id is an error of kind Invalid.
func Vulnerability(cve string, creator comity.ObjectID, tlp comity.TLP, now time.Time, id comity.ObjectID) ([]byte, error) {
	if !cveID(cve) {
		return nil, comity.E(comity.Invalid, "build", cve, comity.Msg("stix.no_cve", comity.A("value", cve)), nil)
	}
	if id == "" {
		id = VulnerabilityID(creator, cve)
	}
	at := FormatTime(now)
	return encode(vulnerabilityOut{
		Type: "vulnerability", SpecVersion: "2.1", ID: string(id), CreatedBy: string(creator), Created: at, Modified: at,
		Name: cve, References: []externalOut{{"cve", cve}}, Markings: markingRefs(tlp),
	})
}

// VulnerabilityID returns the id that Vulnerability gives by itself: a UUIDv5 of
// the creator and the CVE id.
func VulnerabilityID(creator comity.ObjectID, cve string) comity.ObjectID {
	return comity.ObjectID("vulnerability--" + uuid5(listNamespace, string(creator)+"\x00cve\x00"+cve))
}

func markingRefs(tlp comity.TLP) []string {
	if id := TLPMarking(tlp); id != "" {
		return []string{string(id)}
	}
	return nil
}

// Party says who an identity object stands for.
type Party struct {
	Name    string
	Class   string   // identity-class-ov: "organization", "individual" …; "" for organization
	Country string   // ISO 3166-1 alpha-2, or ""
	Sectors []string // industry-sector-ov
}

// identityOut is an identity in the order of properties in which it is written.
type identityOut struct {
	Type        string         `json:"type"`
	SpecVersion string         `json:"spec_version"`
	ID          string         `json:"id"`
	Created     string         `json:"created"`
	Modified    string         `json:"modified"`
	Name        string         `json:"name"`
	Class       string         `json:"identity_class"`
	Sectors     []string       `json:"sectors,omitempty"`
	Extensions  map[string]any `json:"extensions,omitempty"`
}

// Identity makes an identity object; created and modified are now. A name is
// required, and id must be an identity's; else the error is of kind Invalid.
func Identity(id comity.ObjectID, p Party, now time.Time) ([]byte, error) {
	if strings.TrimSpace(p.Name) == "" || id.Type() != "identity" || idForm(string(id)) == idBad {
		return nil, comity.E(comity.Invalid, "build", id, comity.Msg("stix.no_identity", comity.A("id", id)), nil)
	}
	at := FormatTime(now)
	out := identityOut{
		Type: "identity", SpecVersion: "2.1", ID: string(id), Created: at, Modified: at,
		Name: p.Name, Class: p.Class, Sectors: p.Sectors,
	}
	if out.Class == "" {
		out.Class = "organization"
	}
	if p.Country != "" {
		out.Extensions = map[string]any{string(CountryExtension): map[string]string{
			"extension_type": "property-extension", "country": strings.ToUpper(p.Country),
		}}
	}
	return encode(out)
}

// encode writes v as one line of JSON, without escaping for HTML.
func encode(v any) ([]byte, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, comity.E(comity.Internal, "build", "object", comity.Msg("stix.not_built"), err)
	}
	return []byte(strings.TrimSuffix(b.String(), "\n")), nil
}

// uuid5 returns the name-based UUID of RFC 4122 section 4.3.
func uuid5(namespace, name string) string { return hashedUUID(namespace, name, 5) }

// hashedUUID makes a UUID from the hash of a name, marked as the version.
func hashedUUID(namespace, name string, version byte) string {
	ns, err := hex.DecodeString(strings.ReplaceAll(namespace, "-", ""))
	if err != nil {
		return ""
	}
	h := sha1.New() //nolint:gosec // as above
	h.Write(ns)
	h.Write([]byte(name))
	u := h.Sum(nil)[:16]
	u[6] = u[6]&0x0f | version<<4
	u[8] = u[8]&0x3f | 0x80
	x := hex.EncodeToString(u)
	return x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]
}
