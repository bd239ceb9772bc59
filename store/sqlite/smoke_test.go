package sqlite

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

func TestSmoke(t *testing.T) {
	ctx := context.Background()
	s, err := Open(ctx, t.TempDir()+"/x.db", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for b := range 5 {
		start := time.Now()
		objs := make([]comity.Object, 5000)
		for i := range objs {
			objs[i] = comity.Object{ID: comity.ObjectID(fmt.Sprintf("indicator--%d-%d", b, i)), Type: "indicator", Name: "APT29 мир", Text: "evil 漏洞利用 " + fmt.Sprint(b),
				Values: []comity.Value{{Kind: comity.ValueIPv4, Text: "10.0.0.0/8"}}, Raw: make([]byte, 1000)}
		}
		err = s.Update(ctx, func(tx store.Tx) error {
			_, err := tx.PutObjects(ctx, store.Arrival{Door: comity.DoorLocal, Handling: comity.Green, At: time.Now()}, objs)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Log(time.Since(start))
	}
	for range 2 {
		s.View(ctx, func(r store.Reader) error {
			start := time.Now()
			vs, err := r.SearchText(ctx, "漏洞 apt МИР", 10)
			t.Log(len(vs), err, time.Since(start))
			hs, err := r.Lookup(ctx, []comity.Value{{Kind: comity.ValueIPv4, Text: "10.1.1.1"}}, 10)
			t.Log(len(hs), err)
			return nil
		})
		time.Sleep(3 * time.Second)
	}
	f, err := s.Check(ctx)
	t.Log(f, err)
}
