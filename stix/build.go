package stix

import (
	"time"

	"github.com/comity-net/comity"
)

// Pattern returns the STIX pattern that matches v; "" for kinds that have none.
func Pattern(v comity.Value) string { return "" }

// Indicator makes an indicator object for one value. created, modified and
// valid_from are now. With id "" the id is a UUIDv5 of creator and value, so
// that the same list imported twice gives the same ids.
func Indicator(v comity.Value, creator comity.ObjectID, tlp comity.TLP, labels []string, now time.Time, id comity.ObjectID) ([]byte, error) {
	return nil, nil
}

// Party says who an identity object stands for.
type Party struct {
	Name    string
	Class   string   // identity-class-ov: "organization", "individual" …; "" for organization
	Country string   // ISO 3166-1 alpha-2, or ""
	Sectors []string // industry-sector-ov
}

// Identity makes an identity object.
func Identity(id comity.ObjectID, p Party, now time.Time) ([]byte, error) { return nil, nil }

// FormatTime writes t as a STIX timestamp with milliseconds.
func FormatTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// ParseTime reads a STIX timestamp (RFC 3339 in UTC, any number of fraction digits).
func ParseTime(s string) (time.Time, bool) { return time.Time{}, false }
