package formats

import (
	"strconv"

	"github.com/google/uuid"

	"github.com/comity-net/comity"
)

// indicatorID must give what stix.Indicator gives (TestIndicatorIDAgrees).
func indicatorID(creator comity.ObjectID, v comity.Value) comity.ObjectID {
	ns := uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://comity.net/ns/indicator"))
	u := uuid.NewSHA1(ns, []byte(string(creator)+"\x00"+v.Kind.String()+"\x00"+v.Text))
	return comity.ObjectID("indicator--" + u.String())
}

func appendInt(b []byte, v int) []byte { return strconv.AppendInt(b, int64(v), 10) }
