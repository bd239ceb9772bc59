package stix

import (
	"strings"

	"github.com/comity-net/comity"
)

// tlpExtension is the id of the TLP 2.0 extension of marking definitions.
const tlpExtension = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"

// tlpFixed holds the nine fixed definitions: TLP 1 from STIX 2.1 section
// 7.2.1.4, TLP 2.0 from the OASIS common object repository.
var tlpFixed = [...]struct {
	id  comity.ObjectID
	tlp comity.TLP
	v2  bool
}{
	{"marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487", comity.Clear, true},
	{"marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb", comity.Green, true},
	{"marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421", comity.Amber, true},
	{"marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003", comity.AmberStrict, true},
	{"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1", comity.Red, true},
	{"marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9", comity.Clear, false},
	{"marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da", comity.Green, false},
	{"marking-definition--f88d31f6-486f-44da-b317-01333bde0b82", comity.Amber, false},
	{"marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed", comity.Red, false},
}

// TLPOf returns the label of one of the nine fixed TLP marking definitions
// (four of TLP 1, five of TLP 2.0). Letter case in the id does not matter: a
// marking must not be lost to it.
func TLPOf(id comity.ObjectID) (comity.TLP, bool) {
	for i := range tlpFixed {
		if id == tlpFixed[i].id {
			return tlpFixed[i].tlp, true
		}
	}
	if len(id) != len(tlpFixed[0].id) {
		return comity.Unmarked, false
	}
	const uuid = len("marking-definition--")
	for i := range tlpFixed {
		if strings.EqualFold(string(id[uuid:]), string(tlpFixed[i].id[uuid:])) && strings.EqualFold(string(id), string(tlpFixed[i].id)) {
			return tlpFixed[i].tlp, true
		}
	}
	return comity.Unmarked, false
}

// TLPMarking returns the id of the TLP 2.0 marking definition of t; "" for
// Unmarked.
func TLPMarking(t comity.TLP) comity.ObjectID {
	for i := range tlpFixed {
		if tlpFixed[i].tlp == t {
			return tlpFixed[i].id
		}
	}
	return ""
}

// TLPDefinition returns the bytes of the TLP 2.0 marking definition of t, with
// the same properties and values as the published one; nil for Unmarked.
func TLPDefinition(t comity.TLP) []byte {
	id := TLPMarking(t)
	if id == "" {
		return nil
	}
	return []byte(`{"type":"marking-definition","spec_version":"2.1","id":"` + string(id) +
		`","created":"2022-10-01T00:00:00.000Z","name":"` + t.Label() +
		`","extensions":{"` + tlpExtension + `":{"extension_type":"property-extension","tlp_2_0":"` + t.String() + `"}}}`)
}
