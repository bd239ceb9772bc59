package pattern

import (
	"bytes"
	"encoding/json"
	"io"
	"time"

	"github.com/comity-net/comity"
)

// Observation is what one observed-data object says: that between First and
// Last, both included, the Objects were seen Number times (less than 1 counts
// as 1). It is as many observations as that.
//
// Objects holds the cyber-observable objects by id, or by key where they came
// in the deprecated objects property. Their values are those of encoding/json:
// map[string]any, []any, string, bool, nil and for numbers json.Number, which
// keeps them exact, or float64, int or int64. The references in them reach no
// other objects than these (STIX 2.1, section 9.7.4).
type Observation struct {
	First, Last time.Time
	Number      int64
	Objects     map[comity.ObjectID]map[string]any
}

// ReadObservation reads an observed-data object. Where it has object_refs, find
// is asked for each object; it returns nil for one that is not to be had, which
// is then left out. find may be nil. An error is of kind Invalid.
func ReadObservation(raw []byte, find func(comity.ObjectID) []byte) (Observation, error) {
	var o struct {
		Type    string                             `json:"type"`
		First   string                             `json:"first_observed"`
		Last    string                             `json:"last_observed"`
		Number  json.Number                        `json:"number_observed"`
		Refs    []comity.ObjectID                  `json:"object_refs"`
		Objects map[comity.ObjectID]map[string]any `json:"objects"`
	}
	fail := func(property string, cause error) (Observation, error) {
		return Observation{}, comity.E(comity.Invalid, "read", "observed-data",
			comity.Msg("pattern.observation", comity.A("property", property)), cause)
	}
	if err := decode(raw, &o); err != nil {
		return fail("objects", err)
	}
	if o.Type != "observed-data" {
		return fail("type", nil)
	}
	out := Observation{Objects: o.Objects}
	var err error
	if out.First, err = time.Parse(time.RFC3339Nano, o.First); err != nil {
		return fail("first_observed", err)
	}
	if out.Last, err = time.Parse(time.RFC3339Nano, o.Last); err != nil || out.Last.Before(out.First) {
		return fail("last_observed", err)
	}
	if out.Number, err = o.Number.Int64(); err != nil || out.Number < 1 {
		return fail("number_observed", err)
	}
	if out.Objects == nil {
		out.Objects = make(map[comity.ObjectID]map[string]any, len(o.Refs))
	}
	for _, id := range o.Refs {
		if find == nil {
			break
		}
		sco := find(id)
		if sco == nil {
			continue
		}
		var object map[string]any
		if err := decode(sco, &object); err != nil {
			return fail("object_refs", err)
		}
		out.Objects[id] = object
	}
	return out, nil
}

// decode reads one JSON value and keeps its numbers as they are.
func decode(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return io.ErrUnexpectedEOF
	}
	return nil
}
