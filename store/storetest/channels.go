package storetest

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

func channelTests() []subtest {
	return []subtest{
		{"records", channelRecords},
		{"entries and payloads", channelEntries},
		{"placements", placements},
		{"provenance", channelProvenance},
		{"tiles", tiles},
		{"compare and swap", compareAndSwap},
		{"compare and swap, concurrent", compareAndSwapConcurrent},
		{"checkpoints", checkpoints},
		{"receipts", receipts},
		{"erase a handle", eraseHandle},
	}
}

func newChannel(id string, own bool) comity.Channel {
	return comity.Channel{ID: comity.ChannelID(id), Agreement: "agr", Publisher: "pub", Stream: "main", Own: own,
		Head: head(0), Created: t0()}
}

func (k *kit) channel(id string, own bool) {
	k.Helper()
	k.update(func(tx store.Tx) error { return tx.CreateChannel(k.ctx, newChannel(id, own)) })
}

func entry(handle string, oid store.OID, object string) store.Entry {
	return store.Entry{Bytes: []byte("entry " + handle), Kind: comity.EntryPut, Handle: comity.Handle(handle), Rev: 1,
		Nonce: bytes.Repeat([]byte{7}, 32), Header: []byte("header"), Object: comity.ObjectID(object), OID: oid, At: minute(3)}
}

func (k *kit) append(id string, size int64, entries ...store.Entry) {
	k.Helper()
	k.update(func(tx store.Tx) error {
		return tx.AppendEntries(k.ctx, comity.ChannelID(id), head(size), entries, nil, head(size+int64(len(entries))))
	})
}

func (k *kit) getChannel(id string) comity.Channel {
	k.Helper()
	var c comity.Channel
	k.view(func(r store.Reader) (err error) {
		c, err = r.Channel(k.ctx, comity.ChannelID(id))
		return err
	})
	return c
}

func channelRecords(k *kit) {
	k.channel("b", true)
	k.channel("a", false)
	k.updateWant(comity.Conflict, func(tx store.Tx) error { return tx.CreateChannel(k.ctx, newChannel("a", true)) })
	k.view(func(r store.Reader) error {
		all, err := r.Channels(k.ctx)
		if d := cmp.Diff([]comity.Channel{newChannel("b", true), newChannel("a", false)}, all); d != "" {
			k.Error(d)
		}
		_, missing := r.Channel(k.ctx, "x")
		k.wantKind(missing, comity.NotFound)
		return err
	})
	status := func(f comity.Message, at, checked time.Time) comity.Channel {
		k.update(func(tx store.Tx) error { return tx.SetChannelStatus(k.ctx, "a", f, at, checked) })
		return k.getChannel("a")
	}
	bad := comity.Msg("store.busy", comity.A("x", 1))
	if c := status(bad, minute(1), minute(2)); cmp.Diff(bad, c.Fault) != "" || !c.FaultAt.Equal(minute(1)) || !c.CheckedAt.Equal(minute(2)) {
		k.Errorf("fault: %+v", c)
	}
	if c := status(comity.Message{}, minute(5), time.Time{}); !c.Fault.IsZero() || !c.FaultAt.IsZero() || !c.CheckedAt.Equal(minute(2)) {
		k.Errorf("cleared: %+v", c)
	}
}

func (k *kit) entries(id string, from int64, max int, payloads bool, maxBytes int64) []store.Entry {
	k.Helper()
	var out []store.Entry
	k.view(func(r store.Reader) (err error) {
		out, err = r.Entries(k.ctx, comity.ChannelID(id), from, max, payloads, maxBytes)
		return err
	})
	return out
}

func channelEntries(k *kit) {
	k.channel("ch", true)
	k.channel("next", true)
	o := object("indicator--1", 1)
	oid := k.put1(local(), o, store.FateNew)
	kept := entry("h2", 0, "")
	kept.Blob = []byte("blob")
	bare := store.Entry{Bytes: []byte("ctl"), Kind: comity.EntryCtl, At: t0()}
	in := []store.Entry{entry("h1", oid, "indicator--1"), kept, bare}
	k.append("ch", 0, in...)
	k.append("next", 0, entry("h9", oid, "indicator--1"))
	k.append("ch", 3, entry("h3", oid, "indicator--1"))
	in = append(in, entry("h3", oid, "indicator--1"))
	for i := range in {
		in[i].Index = int64(i)
	}
	if d := cmp.Diff(in, k.entries("ch", 0, 10, false, 0)); d != "" {
		k.Error(d)
	}
	if d := cmp.Diff(in[1:3], k.entries("ch", 1, 2, false, 0)); d != "" {
		k.Error(d)
	}
	in[0].Payload, in[1].Payload, in[3].Payload = o.Raw, []byte("blob"), o.Raw
	if d := cmp.Diff(in, k.entries("ch", 0, 10, true, 1<<20)); d != "" {
		k.Error(d)
	}
	size := int64(len(o.Raw))
	for maxBytes, want := range map[int64]int{1: 1, size: 1, size + 4: 3, 2*size + 4: 4} {
		if got := k.entries("ch", 0, 10, true, maxBytes); len(got) != want {
			k.Errorf("%d entries within %d bytes, want %d", len(got), maxBytes, want)
		}
	}
	if got := k.entries("ch", 4, 10, true, 0); len(got) != 0 {
		k.Errorf("entries after the end: %v", got)
	}
	if c := k.getChannel("ch"); c.Head != head(4) {
		k.Errorf("head %+v", c.Head)
	}
	k.clean()
}

func placements(k *kit) {
	k.channel("ch", true)
	k.channel("in", false)
	puts := k.put(local(), object("indicator--1", 1), object("indicator--1", 2))
	later := func(kind comity.EntryKind, rev int64, at int, oid store.OID) store.Entry {
		e := entry("h1", oid, "")
		e.Kind, e.Rev, e.At = kind, rev, minute(at)
		return e
	}
	k.append("in", 0, entry("hx", puts[0].OID, "indicator--1"))
	k.append("ch", 0, entry("h0", 0, ""), entry("h1", puts[0].OID, "indicator--1"))
	want := store.Placement{Channel: "ch", Own: true, Object: "indicator--1", Handle: "h1", Rev: 1, Index: 1,
		Kind: comity.EntryPut, OID: puts[0].OID, Put: 1, At: minute(3)}
	check := func() {
		k.Helper()
		k.view(func(r store.Reader) error {
			all, err := r.Placements(k.ctx, []comity.ObjectID{"indicator--1", "x--1", "indicator--1"})
			all = slices.DeleteFunc(all, func(p store.Placement) bool { return p.Channel == "in" })
			if d := cmp.Diff([]store.Placement{want}, all); d != "" {
				k.Error(d)
			}
			if err != nil {
				return err
			}
			one, err := r.ByHandle(k.ctx, "ch", "h1")
			if d := cmp.Diff(want, one); d != "" {
				k.Error(d)
			}
			_, missing := r.ByHandle(k.ctx, "ch", "hx")
			k.wantKind(missing, comity.NotFound)
			return err
		})
	}
	check()
	k.append("ch", 2, later(comity.EntryMark, 2, 4, 0), later(comity.EntryPut, 3, 5, puts[1].OID))
	want.Rev, want.Index, want.Kind, want.OID, want.Put, want.At = 3, 3, comity.EntryPut, puts[1].OID, 3, minute(5)
	check()
	k.append("ch", 4, later(comity.EntryRevoke, 4, 6, 0))
	want.Rev, want.Index, want.Kind, want.At = 4, 4, comity.EntryRevoke, minute(6)
	check()
	k.append("ch", 5, later(comity.EntryErase, 5, 7, 0))
	want.Rev, want.Index, want.Kind, want.OID, want.At = 5, 5, comity.EntryErase, 0, minute(7)
	check()
}

func channelProvenance(k *kit) {
	k.channel("in", false)
	k.channel("own", true)
	a := store.Arrival{Door: comity.DoorChannel, Origin: "pub", Handling: comity.Amber, At: minute(2)}
	var oid store.OID
	k.update(func(tx store.Tx) error {
		puts, err := tx.PutObjects(k.ctx, a, []comity.Object{object("indicator--1", 1)})
		if err != nil {
			return err
		}
		oid = puts[0].OID
		return tx.AppendEntries(k.ctx, "in", head(0), []store.Entry{entry("h0", 0, ""), entry("h1", oid, "indicator--1")}, nil, head(2))
	})
	k.put(imported("imp-1"), object("indicator--1", 1))
	k.append("own", 0, entry("h9", oid, "indicator--1"))
	k.view(func(r store.Reader) error {
		got, err := r.Sources(k.ctx, oid)
		want := []store.Source{
			{Door: comity.DoorImport, Import: "imp-1", At: t0()},
			{Door: comity.DoorChannel, Origin: "pub", Channel: "in", Index: 1, Agreement: "agr", At: minute(2)},
		}
		if d := cmp.Diff(want, got); d != "" {
			k.Error(d)
		}
		return err
	})
}

func tile(level int, n int64) store.TileID { return store.TileID{Level: level, N: n} }

func tiles(k *kit) {
	k.channel("ch", true)
	k.channel("other", true)
	set := func(size int64, tiles map[store.TileID][]byte) {
		k.update(func(tx store.Tx) error {
			return tx.AppendEntries(k.ctx, "ch", head(size), []store.Entry{entry(fmt.Sprint(size), 0, "")}, tiles, head(size+1))
		})
	}
	set(0, map[store.TileID][]byte{tile(0, 0): {1}, tile(1, 0): {2}})
	set(1, map[store.TileID][]byte{tile(0, 0): {1, 1}, tile(0, 300): {3}})
	k.view(func(r store.Reader) error {
		got, err := r.Tiles(k.ctx, "ch", []store.TileID{tile(0, 300), tile(2, 0), tile(0, 0), tile(1, 0)})
		if d := cmp.Diff([][]byte{{3}, nil, {1, 1}, {2}}, got); d != "" {
			k.Error(d)
		}
		if err != nil {
			return err
		}
		got, err = r.Tiles(k.ctx, "other", []store.TileID{tile(0, 0)})
		if len(got) != 1 || got[0] != nil {
			k.Errorf("tiles of another channel: %v", got)
		}
		return err
	})
}

func compareAndSwap(k *kit) {
	k.channel("ch", true)
	k.append("ch", 0, entry("h1", 0, ""))
	wrongRoot := head(1)
	wrongRoot.Root[0] ^= 1
	for _, c := range []struct {
		old, next comity.Head
		kind      comity.Kind
	}{{head(0), head(1), comity.Conflict}, {head(2), head(3), comity.Conflict}, {wrongRoot, head(2), comity.Conflict}, {head(1), head(3), comity.Invalid}} {
		k.updateWant(c.kind, func(tx store.Tx) error {
			return tx.AppendEntries(k.ctx, "ch", c.old, []store.Entry{entry("h2", 0, "")}, nil, c.next)
		})
	}
	if es := k.entries("ch", 0, 10, false, 0); len(es) != 1 {
		k.Errorf("%d entries", len(es))
	}
	k.updateWant(comity.NotFound, func(tx store.Tx) error {
		return tx.AppendEntries(k.ctx, "x", head(0), nil, nil, head(0))
	})
}

func compareAndSwapConcurrent(k *kit) {
	k.channel("ch", true)
	for size := range int64(10) {
		var won atomic.Int64
		var wg sync.WaitGroup
		for w := range 6 {
			wg.Go(func() {
				err := k.s.Update(k.ctx, func(tx store.Tx) error {
					return tx.AppendEntries(k.ctx, "ch", head(size), []store.Entry{entry(fmt.Sprint(size, w), 0, "")}, nil, head(size+1))
				})
				if err == nil {
					won.Add(1)
				} else {
					k.wantKind(err, comity.Conflict)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			k.Fatalf("%d winners at size %d", won.Load(), size)
		}
	}
	k.clean()
}

func checkpoints(k *kit) {
	k.channel("ch", true)
	set := func(size int64, note string) func(store.Tx) error {
		return func(tx store.Tx) error { return tx.SetCheckpoint(k.ctx, "ch", size, []byte(note)) }
	}
	k.update(set(5, "five"))
	k.updateWant(comity.Conflict, set(4, "four"))
	k.update(set(5, "five again"))
	if c := k.getChannel("ch"); c.SignedSize != 5 || string(c.Checkpoint) != "five again" {
		k.Errorf("%+v", c)
	}
}

func receipts(k *kit) {
	k.channel("ch", true)
	put := func(member string, size int64, at int, line string) {
		k.update(func(tx store.Tx) error {
			return tx.PutReceipt(k.ctx, comity.Receipt{Channel: "ch", Member: comity.MemberID(member), Size: size,
				Root: head(size).Root, Line: []byte(line), At: minute(at)})
		})
	}
	put("b", 5, 5, "first")
	put("b", 4, 9, "older")
	put("a", 1, 1, "a")
	put("b", 5, 6, "newer")
	k.view(func(r store.Reader) error {
		got, err := r.Receipts(k.ctx, "ch")
		want := []comity.Receipt{
			{Channel: "ch", Member: "a", Size: 1, Root: head(1).Root, Line: []byte("a"), At: minute(1)},
			{Channel: "ch", Member: "b", Size: 5, Root: head(5).Root, Line: []byte("newer"), At: minute(6)},
		}
		if d := cmp.Diff(want, got); d != "" {
			k.Error(d)
		}
		return err
	})
}

func eraseHandle(k *kit) {
	k.channel("in", false)
	a := store.Arrival{Door: comity.DoorChannel, Origin: "pub", Handling: comity.Amber, At: minute(2)}
	puts := k.put(a, object("indicator--1", 1), object("indicator--1", 2), object("indicator--2", 1))
	kept := entry("h1", 0, "indicator--1")
	kept.Blob, kept.Rev = []byte("kept aside"), 2
	k.append("in", 0, entry("h1", puts[0].OID, "indicator--1"), entry("h2", puts[2].OID, "indicator--2"), kept)
	k.append("in", 3, entry("h1", puts[1].OID, "indicator--1"))
	var linked []store.OID
	k.update(func(tx store.Tx) (err error) {
		linked, err = tx.EraseHandle(k.ctx, "in", "h1")
		return err
	})
	slices.Sort(linked)
	if !slices.Equal(linked, []store.OID{puts[0].OID, puts[1].OID}) {
		k.Errorf("linked: %v", linked)
	}
	for i, e := range k.entries("in", 0, 10, true, 0) {
		gone := e.Nonce == nil && e.Header == nil && e.Blob == nil && e.OID == 0 && e.Payload == nil
		if gone != (i != 1) || e.Bytes == nil {
			k.Errorf("entry %d: %+v", i, e)
		}
	}
	k.view(func(r store.Reader) error {
		if from, err := r.Sources(k.ctx, puts[0].OID); len(from) != 0 || err != nil {
			k.Errorf("sources: %v %v", from, err)
		}
		p, err := r.ByHandle(k.ctx, "in", "h1")
		if p.OID != 0 {
			k.Errorf("placement: %+v", p)
		}
		return err
	})
	k.updateWant(comity.NotFound, func(tx store.Tx) error {
		_, err := tx.EraseHandle(k.ctx, "in", "unknown")
		return err
	})
}
