package node_test

import (
	"path/filepath"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

// TestAlteredPublisher alters the publisher's own database behind its back, in
// every place that a reader can see, and expects of the reader: a precise
// fault on the channel and in the audit, nothing stored of what is wrong,
// nothing lost of what was there, and reading that goes on once it is mended.
func TestAlteredPublisher(t *testing.T) {
	cases := []struct {
		name, alter, mend string
		want              string // key of the fault
	}{
		{"nonce", "UPDATE entry SET nonce = zeroblob(32) WHERE at & 0xffffffffff = 1", "UPDATE entry SET nonce = (SELECT nonce FROM kept) WHERE at & 0xffffffffff = 1", "federation.peer_wrong_commitment"},
		{"header", "UPDATE entry SET header = CAST('{\"o\":\"x\"}' || char(10) AS BLOB) WHERE at & 0xffffffffff = 1", "UPDATE entry SET header = (SELECT header FROM kept) WHERE at & 0xffffffffff = 1", "federation.peer_wrong_commitment"},
		{"entry", "UPDATE entry SET bytes = CAST(replace(CAST(bytes AS TEXT), 'green', 'clear') AS BLOB) WHERE at & 0xffffffffff = 1", "UPDATE entry SET bytes = (SELECT bytes FROM kept) WHERE at & 0xffffffffff = 1", "federation.peer_wrong_root"},
		{"withheld", "UPDATE entry SET nonce = NULL, header = NULL WHERE at & 0xffffffffff = 1", "UPDATE entry SET nonce = (SELECT nonce FROM kept), header = (SELECT header FROM kept) WHERE at & 0xffffffffff = 1", "federation.payload_withheld"},
	}
	a, b := start(t, "alpha"), start(t, "beta")
	pair(t, a, b)
	id := agree(t, a, b)
	give(t, a, string(id), "192.0.2.1\n")
	received(t, a, b, 1)
	b.pause()
	give(t, a, string(id), "192.0.2.2\n")
	a.pause()
	exec(t, a, "CREATE TABLE kept AS SELECT nonce, header, bytes FROM entry WHERE at & 0xffffffffff = 1")
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			exec(t, a, c.alter)
			err := b.SyncNow(t.Context())
			if !comity.Is(err, comity.Unverified) || comity.ErrorMessage(err).Key != c.want {
				t.Fatalf("got %v, want %s", err, c.want)
			}
			faulted(t, b, c.want)
			exec(t, a, c.mend)
		})
	}
	if err := b.SyncNow(t.Context()); err != nil {
		t.Fatal(err)
	}
	received(t, a, b, 2)
	clean(t, b)
	exec(t, a, "DROP TABLE kept")
}

// TestRestoredPublisher puts an old copy of the publisher's log in place, as a
// careless restore does: the reader refuses the smaller tree and the other
// history, and keeps what it has.
func TestRestoredPublisher(t *testing.T) {
	a, b := start(t, "alpha"), start(t, "beta")
	pair(t, a, b)
	id := agree(t, a, b)
	give(t, a, string(id), "192.0.2.1\n")
	received(t, a, b, 1)
	a.pause()
	exec(t, a, "CREATE TABLE keptc AS SELECT n, size, root, signed, checkpoint FROM channel WHERE own = 1; CREATE TABLE keptt AS SELECT * FROM tile")
	give(t, a, string(id), "192.0.2.2\n")
	received(t, a, b, 2)
	b.pause()
	exec(t, a, `UPDATE channel SET size = k.size, root = k.root, signed = k.signed, checkpoint = k.checkpoint FROM keptc k WHERE channel.n = k.n;
		DELETE FROM tile; INSERT INTO tile SELECT * FROM keptt; DELETE FROM entry WHERE at & 0xffffffffff = 1`)
	err := b.SyncNow(t.Context())
	if comity.ErrorMessage(err).Key != "federation.old_checkpoint" {
		t.Fatalf("smaller tree: %v", err)
	}
	give(t, a, string(id), "192.0.2.3\n")
	err = b.SyncNow(t.Context())
	if comity.ErrorMessage(err).Key != "federation.fork" {
		t.Fatalf("other history: %v", err)
	}
	faulted(t, b, "federation.fork")
	received(t, a, b, 2)
	clean(t, b)
}

// give imports a list and shares it.
func give(t *testing.T, n *running, agreement, list string) {
	t.Helper()
	im, err := n.Import(t.Context(), admin, node.ImportRequest{Reader: reader(list), Name: "list", Format: "list", TLP: "green"})
	if err != nil || im.Accepted == 0 {
		t.Fatalf("%+v %v", im, err)
	}
	res, err := n.Share(t.Context(), admin, node.ShareRequest{Query: &node.ShareQuery{Import: im.ID}, With: agreement})
	if err != nil || res.Shared == 0 {
		t.Fatalf("%+v %v", res, err)
	}
}

// faulted expects a fault on one foreign channel, in the status and the audit.
func faulted(t *testing.T, n *running, key string) {
	t.Helper()
	st, err := n.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	shown := false
	for _, f := range st.Faults {
		shown = shown || f.Msg.Key == key
	}
	lines, err := n.Audits(t.Context(), 0, 20)
	if err != nil {
		t.Fatal(err)
	}
	audited := false
	for _, l := range lines {
		audited = audited || l.Action == "channel.fault" && l.Msg.Key == key
	}
	if !shown || !audited {
		t.Fatalf("%s: shown %v, audited %v (%v)", key, shown, audited, st.Faults)
	}
}

// exec changes a node's database behind its back.
func exec(t *testing.T, n *running, sql string) {
	t.Helper()
	c, err := sqlite.OpenConn(filepath.Join(n.Dir(), "comity.db"), sqlite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetBusyTimeout(10 * time.Second)
	if err := sqlitex.ExecuteScript(c, sql, nil); err != nil {
		t.Fatal(err)
	}
}
