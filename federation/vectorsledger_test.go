package federation

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
)

// obj is a JSON object; encoding/json writes its members in the order of names.
type obj = map[string]any

func (w *vectorWorld) names(*testing.T) any {
	var out []obj
	for _, r := range []struct {
		role KeyRole
		seed []byte
	}{{RoleRoot, w.keys[0].offline.Root}, {RoleLog, w.keys[0].secret.Log}, {RoleRcv, w.keys[0].secret.Rcv}} {
		name := w.keys[0].name + "/" + string(r.role)
		out = append(out, obj{"name": name, "type": algOf(r.role), "seed": hex.EncodeToString(r.seed), "vkey": vkeyOf(name, algOf(r.role), r.seed)})
	}
	a, _ := ParseAgreement(w.agreement)
	return obj{"vkeys": out, "node_id": w.ids[0].ID, "node_id_grouped": w.ids[0].ID.Grouped(), "chain": a.Chain, "stream": "indicators",
		"channel_id": w.ch, "channel_origin": w.origin, "node_origin": ledger.NodeOrigin(w.ids[0].ID)}
}

func (w *vectorWorld) entries(t *testing.T) any {
	var good []obj
	for _, it := range w.items {
		e, err := ledger.ParseEntry(it.Entry)
		if err != nil {
			t.Fatal(err)
		}
		o := obj{"entry": string(it.Entry), "kind": e.K, "handle": e.H, "revision": e.R, "leaf_hash": hexOf(ledger.LeafHash(it.Entry))}
		if it.Nonce != nil {
			o["nonce"], o["header"], o["payload"] = hex.EncodeToString(it.Nonce), string(it.Header), string(it.Payload)
			o["commitment"] = hexOf(ledger.Commitment(it.Nonce, it.Header, it.Payload))
		}
		good = append(good, o)
	}
	var bad []obj
	for _, c := range [][2]string{
		{"duplicate key", `{"v":1,"v":1,"k":"ctl"}`},
		{"version", `{"v":2,"k":"ctl"}`},
		{"put without commitment", `{"v":1,"k":"put","h":"handle0000000000","r":1,"m":"green","s":1}`},
		{"revision 0", `{"v":1,"k":"revoke","h":"handle0000000000","r":0}`},
		{"short handle", `{"v":1,"k":"revoke","h":"handle","r":1}`},
		{"label in capitals", `{"v":1,"k":"mark","h":"handle0000000000","r":1,"m":"RED"}`},
		{"no kind", `{"v":1}`},
		{"something after it", `{"v":1,"k":"ctl"} {}`},
	} {
		if _, err := ledger.ParseEntry([]byte(c[1])); err == nil {
			t.Errorf("%s is accepted", c[0])
		}
		bad = append(bad, obj{"why": c[0], "entry": c[1]})
	}
	return obj{"accepted": good, "refused": bad, "unknown_kind_is_kept": `{"v":1,"k":"future","must":true,"x":1}`}
}

func (w *vectorWorld) tree(t *testing.T) any {
	var leaves []comity.Hash
	for i := range 300 {
		leaves = append(leaves, ledger.LeafHash(fmt.Appendf(nil, "entry %d", i)))
	}
	tiles, head := extended(t, leaves)
	var roots, consistency, inclusion []obj
	for _, n := range []int64{0, 1, 2, 3, 7, 8, 255, 256, 257, 300} {
		root, proof, err := ledger.ProvePrefix(t.Context(), tiles, head, n)
		if err != nil {
			t.Fatal(err)
		}
		roots = append(roots, obj{"size": n, "root": hexOf(root)})
		if n > 0 {
			consistency = append(consistency, obj{"from": n, "to": head.Size, "proof": hexes(proof)})
		}
	}
	for _, i := range []int64{0, 1, 255, 256, 299} {
		proof, err := ledger.ProveInclusion(t.Context(), tiles, head, i)
		if err != nil {
			t.Fatal(err)
		}
		inclusion = append(inclusion, obj{"index": i, "size": head.Size, "leaf_hash": hexOf(leaves[i]), "proof": hexes(proof)})
	}
	return obj{"entries": "entry 0 … entry 299, as UTF-8", "roots": roots, "consistency": consistency, "inclusion": inclusion}
}

func (w *vectorWorld) notesFile(t *testing.T) any {
	msg := w.cosigned(t, w.origin, w.head, w.rcv(1, 1), w.rcv(2, 2))
	body := []byte("comity/vector/v1\n{\"a\":1}\n")
	line, err := ledger.Countersign(body, w.keys[0].Doc())
	if err != nil {
		t.Fatal(err)
	}
	doc, err := ledger.JoinDocument(body, line)
	if err != nil {
		t.Fatal(err)
	}
	d, err := ledger.OpenDocument(doc, w.ids[0].Doc)
	if err != nil {
		t.Fatal(err)
	}
	return obj{"checkpoint": obj{"note": msg, "origin": w.origin, "size": w.head.Size, "root": hexOf(w.head.Root), "log_vkey": w.keys[0].chain.now.Log,
		"receipts": []obj{{"vkey": w.keys[1].chain.now.Rcv, "time": w.rcv(1, 1).at.Unix()}, {"vkey": w.keys[2].chain.now.Rcv, "time": w.rcv(2, 2).at.Unix()}}},
		"document": obj{"note": string(doc), "vkey": w.keys[0].chain.now.Doc, "id": d.ID, "type": d.Type, "json": string(d.JSON)}}
}

func (w *vectorWorld) chunk(t *testing.T) any {
	var b bytes.Buffer
	from := int64(1)
	var edge ledger.Edge
	edge.Append(ledger.LeafHash(w.items[0].Entry))
	before := edge
	for _, it := range w.items[1:4] {
		edge.Append(ledger.LeafHash(it.Entry))
	}
	proof, err := ledger.ProveConsistency(t.Context(), w.tiles, w.head, edge.Size())
	if err != nil {
		t.Fatal(err)
	}
	if err := ledger.WriteChunk(&b, from, w.items[1:4], edge.Head(), proof); err != nil {
		t.Fatal(err)
	}
	c, err := ledger.ReadChunk(bytes.NewReader(b.Bytes()), ledger.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := ledger.VerifyChunk(before, c, w.head); err != nil {
		t.Fatal(err)
	}
	return obj{"chunk_hex": hex.EncodeToString(b.Bytes()), "from": from, "items": 3, "end_size": edge.Size(), "end_root": hexOf(edge.Head().Root),
		"target_size": w.head.Size, "target_root": hexOf(w.head.Root), "proof": hexes(proof), "before": "the tree of entry 0 of entries.json"}
}

// nodeEntries are a node log of node 0: genesis, an anchor, a commit, a notice,
// another anchor in which the channel has shrunk.
func (w *vectorWorld) nodeEntries(t *testing.T) (raw [][]byte, anchors []*ledger.Anchor) {
	t.Helper()
	raw = append(raw, w.keys[0].genesis)
	add := func(e ledger.NodeEntry) {
		b, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		raw = append(raw, b)
	}
	for i, size := range []int64{7, 5} {
		a, err := ledger.NewAnchor([]ledger.Anchored{{Channel: w.ch, Head: comity.Head{Size: size, Root: comity.Hash(seedN(8, byte(size)))}, Salt: seedN(7, byte(i))},
			{Channel: ledger.ChannelIDOf("x", w.ids[0].ID, "y"), Head: comity.Head{}, Salt: seedN(6, byte(i))}})
		if err != nil {
			t.Fatal(err)
		}
		anchors = append(anchors, a)
	}
	commit, err := ledger.NodeCommitment(seedN(5, 1), []byte("statement"))
	if err != nil {
		t.Fatal(err)
	}
	add(anchors[0].Entry(vectorTime))
	add(ledger.NodeEntry{K: ledger.NodeCommit, At: vectorTime, Commit: commit})
	add(ledger.NodeEntry{K: ledger.NodeNotice, At: vectorTime, Code: ledger.NoticeRestored, Text: "Restored from backup", Channel: w.ch})
	add(anchors[1].Entry(vectorTime))
	return raw, anchors
}

func (w *vectorWorld) nodeLog(t *testing.T) any {
	raw, anchors := w.nodeEntries(t)
	var leaves []comity.Hash
	var entries []obj
	for i, b := range raw {
		e, err := ledger.ParseNodeEntry(int64(i), b)
		if err != nil {
			t.Fatal(err)
		}
		leaves = append(leaves, ledger.LeafHash(b))
		entries = append(entries, obj{"index": i, "kind": e.K, "entry": string(b)})
	}
	_, head := extended(t, leaves)
	p, err := anchors[0].Prove(w.ch)
	if err != nil {
		t.Fatal(err)
	}
	return obj{"origin": ledger.NodeOrigin(w.ids[0].ID), "entries": entries, "checkpoint": w.cosigned(t, ledger.NodeOrigin(w.ids[0].ID), head, w.wit(1, 5)),
		"commitment": obj{"salt": hex.EncodeToString(seedN(5, 1)), "thing": "statement", "entry": 2},
		"anchored": obj{"entry": 1, "channel": p.Channel, "size": p.Head.Size, "root": hexOf(p.Head.Root), "salt": hex.EncodeToString(p.Salt),
			"leaf": p.Index, "path": hexes(p.Proof)}}
}

func (w *vectorWorld) evidence(t *testing.T) any {
	lie := newLie(t, w.keys[0], 7, 3, 5)
	lie.origin = w.origin
	fork, err := ForkEvidence(t.Context(), lie.tiles, lie.sign(t, w.keys[0], lie.mine), lie.sign(t, w.keys[0], lie.theirs), w.ids[0])
	if err != nil {
		t.Fatal(err)
	}
	var twice [2][]byte
	for i, root := range []byte{1, 2} {
		twice[i] = []byte(w.cosigned(t, w.origin, comity.Head{Size: 7, Root: comity.Hash{root}}, w.rcv(1, i)))
	}
	double, err := ledger.MakeDoubleReceipt(twice[0], twice[1], comity.Hash{}, nil, w.ids[1].Rcv)
	if err != nil {
		t.Fatal(err)
	}
	// Two honest checkpoints with their true prefix are no evidence.
	honest := append([]byte(ledger.TypeFork), bytes.Replace(fork.Body[len(ledger.TypeFork):], []byte(jsonText(t, string(lie.sign(t, w.keys[0], lie.theirs)))),
		[]byte(jsonText(t, string(lie.sign(t, w.keys[0], comity.Head{Size: 5, Root: prefixOf(t, lie)})))), 1)...)
	if _, err := OpenEvidence(honest, w.ids[0]); comity.ErrorMessage(err).Key != "proof.no_contradiction" {
		t.Fatal(err)
	}
	rollback := w.rollback(t)
	return obj{"fork": obj{"document": string(fork.Body), "id": fork.ID, "vkey": w.keys[0].chain.now.Log},
		"double_receipt": obj{"document": string(double), "vkey": w.keys[1].chain.now.Rcv},
		"rollback":       obj{"document": string(rollback), "vkey": w.keys[0].chain.now.Log},
		"refused":        obj{"document": string(honest), "vkey": w.keys[0].chain.now.Log, "why": "the prefix root is the root of note_a: one history"}}
}

func prefixOf(t *testing.T, l lied) comity.Hash {
	t.Helper()
	root, _, err := ledger.ProvePrefix(t.Context(), l.tiles, l.mine, l.theirs.Size)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func (w *vectorWorld) rollback(t *testing.T) []byte {
	t.Helper()
	raw, anchors := w.nodeEntries(t)
	leaves := make([]comity.Hash, len(raw))
	for i := range raw {
		leaves[i] = ledger.LeafHash(raw[i])
	}
	tiles, head := extended(t, leaves)
	var shown [2]ledger.AnchoredHead
	for i, index := range []int64{1, 4} {
		proof, err := ledger.ProveInclusion(t.Context(), tiles, head, index)
		if err != nil {
			t.Fatal(err)
		}
		p, err := anchors[i].Prove(w.ch)
		if err != nil {
			t.Fatal(err)
		}
		shown[i] = ledger.AnchoredHead{Index: index, Entry: raw[index], Proof: proof, Anchor: p}
	}
	doc, err := ledger.MakeRollback([]byte(w.cosigned(t, ledger.NodeOrigin(w.ids[0].ID), head)), shown[0], shown[1], w.ids[0].Log)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenEvidence(doc, w.ids[0]); err != nil {
		t.Fatal(err)
	}
	return doc
}

func (w *vectorWorld) witness(t *testing.T) any {
	var leaves []comity.Hash
	for i := range 10 {
		leaves = append(leaves, ledger.LeafHash(fmt.Appendf(nil, "node entry %d", i)))
	}
	origin := ledger.NodeOrigin(w.ids[0].ID)
	tiles, head := extended(t, leaves)
	_, forked := extended(t, append(append([]comity.Hash{}, leaves[:6]...), leaves[:3]...))
	root6, _, err := ledger.ProvePrefix(t.Context(), tiles, head, 6)
	if err != nil {
		t.Fatal(err)
	}
	latest := comity.Head{Size: 6, Root: root6}
	proof, err := ledger.ProveConsistency(t.Context(), tiles, head, 6)
	if err != nil {
		t.Fatal(err)
	}
	var out []obj
	for _, c := range []struct {
		why    string
		req    ledger.WitnessRequest
		status int
	}{
		{"continues", ledger.WitnessRequest{Old: 6, Proof: proof, Checkpoint: []byte(w.cosigned(t, origin, head))}, http.StatusOK},
		{"the witness is asked as if it knew less", ledger.WitnessRequest{Old: 4, Proof: proof, Checkpoint: []byte(w.cosigned(t, origin, head))}, http.StatusConflict},
		{"old is larger than the checkpoint", ledger.WitnessRequest{Old: 6, Checkpoint: []byte(w.cosigned(t, origin, comity.Head{Size: 5, Root: root6}))}, http.StatusBadRequest},
		{"another history", ledger.WitnessRequest{Old: 6, Proof: proof, Checkpoint: []byte(w.cosigned(t, origin, forked))}, http.StatusUnprocessableEntity},
		{"another log", ledger.WitnessRequest{Old: 6, Proof: proof, Checkpoint: []byte(w.cosigned(t, "unknown/log", head))}, http.StatusNotFound},
	} {
		wit := ledger.Witness{Signer: w.wit(1, 9), State: fixedLatest{latest}, Keys: w.logKeys(origin)}
		a, err := wit.Add(t.Context(), c.req.Encode())
		if err != nil || a.Status != c.status {
			t.Fatalf("%s: %+v %v", c.why, a, err)
		}
		o := obj{"why": c.why, "request": string(c.req.Encode()), "status": a.Status}
		if a.Status == http.StatusConflict {
			o["body"] = fmt.Sprintf("%d\n", a.Size)
		} else if a.Line != nil {
			o["body"] = string(a.Line)
		}
		out = append(out, o)
	}
	return obj{"log_vkey": w.keys[0].chain.now.Log, "witness_vkey": w.keys[1].chain.now.Wit, "origin": origin,
		"latest": obj{"size": latest.Size, "root": hexOf(latest.Root)}, "requests": out}
}

func (w *vectorWorld) logKeys(origin string) func(context.Context, string) ([]note.Verifier, error) {
	return func(_ context.Context, asked string) ([]note.Verifier, error) {
		if asked != origin {
			return nil, nil
		}
		return []note.Verifier{w.ids[0].Log}, nil
	}
}
