package pattern_test

import (
	"testing"

	"github.com/comity-net/comity/stix/pattern"
)

func TestRename(t *testing.T) {
	const text = `[file:created > t'2018-01-01T00:00:00Z' AND file:size = 5] FOLLOWEDBY [process:created.x = 1] OR [file:created = 'a']`
	p, err := pattern.Parse(text, pattern.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	q := p.Rename(func(typ, property string) string {
		if typ == "file" && property == "created" {
			return "ctime"
		}
		return property
	})
	if got := q.String(); got != `[file:ctime > t'2018-01-01T00:00:00Z' AND file:size = 5] FOLLOWEDBY [process:created.x = 1] OR [file:ctime = 'a']` {
		t.Errorf("renamed: %s", got)
	}
	if p.String() != text {
		t.Errorf("the pattern itself became %s", p)
	}
	if same := p.Rename(func(_, property string) string { return property }); same != p {
		t.Error("nothing renamed gave another pattern")
	}
}
