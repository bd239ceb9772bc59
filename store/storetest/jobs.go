package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/google/go-cmp/cmp"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

func jobTests() []subtest {
	return []subtest{
		{"wait, run, retry", jobLife},
		{"unique while waiting", jobUnique},
		{"claimed once", jobClaimedOnce},
	}
}

func (k *kit) putJob(kind, key, body string, at int) {
	k.Helper()
	k.update(func(tx store.Tx) error {
		return tx.PutJob(k.ctx, store.Job{Kind: kind, Key: key, Body: []byte(body), RunAt: minute(at)})
	})
}

func (k *kit) claim(kind string, now, until int) (store.Job, error) {
	var j store.Job
	err := k.s.Update(k.ctx, func(tx store.Tx) (err error) {
		j, err = tx.ClaimJob(k.ctx, kind, minute(now), minute(until))
		return err
	})
	return j, err
}

func (k *kit) jobs(kind string) []store.Job {
	k.Helper()
	var js []store.Job
	k.view(func(r store.Reader) (err error) {
		js, err = r.Jobs(k.ctx, kind)
		return err
	})
	return js
}

func jobLife(k *kit) {
	k.putJob("pull", "b", "late", 5)
	k.putJob("pull", "a", "early", 2)
	k.putJob("other", "a", "", 0)
	_, none := k.claim("pull", 1, 10)
	k.wantKind(none, comity.NotFound)
	j, err := k.claim("pull", 9, 20)
	want := store.Job{ID: j.ID, Kind: "pull", Key: "a", Body: []byte("early"), RunAt: minute(20), Tries: 1}
	if d := cmp.Diff(want, j); d != "" || err != nil {
		k.Fatal(d, err)
	}
	if second, err := k.claim("pull", 9, 40); err != nil || second.Key != "b" {
		k.Errorf("second: %+v %v", second, err)
	}
	_, none = k.claim("pull", 9, 20)
	k.wantKind(none, comity.NotFound)
	if again, err := k.claim("pull", 20, 30); err != nil || again.ID != j.ID || again.Tries != 2 {
		k.Errorf("after its time: %+v %v", again, err)
	}
	k.update(func(tx store.Tx) error { return tx.RetryJob(k.ctx, j.ID, minute(25), "no answer") })
	want = store.Job{ID: j.ID, Kind: "pull", Key: "a", Body: []byte("early"), RunAt: minute(25), Tries: 2, Last: "no answer"}
	if d := cmp.Diff(want, k.jobs("pull")[0]); d != "" {
		k.Error(d)
	}
	for range 2 {
		k.update(func(tx store.Tx) error { return tx.DeleteJob(k.ctx, j.ID) })
	}
	if js := k.jobs("pull"); len(js) != 1 {
		k.Errorf("left: %+v", js)
	}
	if js := k.jobs(""); len(js) != 2 {
		k.Errorf("of any kind: %+v", js)
	}
}

func jobUnique(k *kit) {
	k.putJob("pull", "a", "first", 5)
	k.putJob("pull", "a", "second", 1)
	if js := k.jobs("pull"); len(js) != 1 || string(js[0].Body) != "second" || !js[0].RunAt.Equal(minute(1)) {
		k.Fatalf("%+v", js)
	}
	j, err := k.claim("pull", 2, 9)
	if err != nil {
		k.Fatal(err)
	}
	k.putJob("pull", "a", "third", 3) // it no longer waits, so this is a new one
	if js := k.jobs("pull"); len(js) != 2 {
		k.Fatalf("%+v", js)
	}
	k.update(func(tx store.Tx) error { return tx.RetryJob(k.ctx, j.ID, minute(4), "again") })
	if js := k.jobs("pull"); len(js) != 1 || string(js[0].Body) != "third" {
		k.Errorf("the waiting one stands for both: %+v", js)
	}
}

func jobClaimedOnce(k *kit) {
	const jobs, claimers = 40, 6
	for i := range jobs {
		k.putJob("work", fmt.Sprint(i), "", 0)
	}
	var claimed [1024]atomic.Int32
	var total atomic.Int32
	var wg sync.WaitGroup
	for range claimers {
		wg.Go(func() {
			for {
				j, err := k.claim("work", 1, 60)
				if comity.Is(err, comity.NotFound) {
					return
				}
				if err != nil {
					k.Errorf("claim: %v", err)
					return
				}
				if claimed[j.ID%1024].Add(1) != 1 {
					k.Errorf("job %d was claimed twice", j.ID)
				}
				total.Add(1)
			}
		})
	}
	wg.Wait()
	if total.Load() != jobs {
		k.Errorf("%d claimed, want %d", total.Load(), jobs)
	}
}
