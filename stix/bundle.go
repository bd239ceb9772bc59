package stix

import (
	"encoding/json"
	"strings"

	"github.com/comity-net/comity"
)

// Bundle returns a bundle of the objects, each as it is, under the id. With id
// "" the id is made from the objects, so that the same ones give the same
// bundle. The property objects is left out where there are none, as section 8.1
// asks.
func Bundle(id comity.ObjectID, objects [][]byte) []byte {
	if id == "" {
		return bundleOf(bundleID(objects), objects)
	}
	return bundleOf(string(id), objects)
}

// bundleID makes the id of a bundle from its objects.
func bundleID(objects [][]byte) string {
	var b strings.Builder
	for _, o := range objects {
		b.Write(o)
		b.WriteByte('\n')
	}
	return "bundle--" + uuid5(listNamespace, b.String())
}

func bundleOf(id string, objects [][]byte) []byte {
	size := 80
	for _, o := range objects {
		size += len(o) + 1
	}
	b := append(make([]byte, 0, size), `{"type":"bundle","id":`+quoteJSON(id)...)
	for i, o := range objects {
		if i == 0 {
			b = append(b, `,"objects":[`...)
		} else {
			b = append(b, ',')
		}
		b = append(b, o...)
	}
	if len(objects) > 0 {
		b = append(b, ']')
	}
	return append(b, '}')
}

// quoteJSON writes a JSON string without escaping for HTML.
func quoteJSON(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return `""` // a string always encodes
	}
	return strings.TrimSuffix(b.String(), "\n")
}
