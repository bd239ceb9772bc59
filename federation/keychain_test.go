package federation

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tyler-smith/go-bip39/wordlists"
	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
)

var chainTime = time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC)

// online are the keys that a running node holds.
var online = []KeyRole{RoleLog, RoleRcv, RoleWit, RoleDoc, RoleTLS}

func chainKeys(t testing.TB) *Keys {
	t.Helper()
	k, err := NewKeys(rand.Reader, testProfile, chainTime)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func rotated(t rapid.TB, k *Keys, r Rotation, at time.Time) *Keys {
	t.Helper()
	next, _, err := k.Rotate(rand.Reader, r, at)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func checkpointBy(t rapid.TB, s note.Signer, origin string, size int64) []byte {
	t.Helper()
	msg, err := ledger.SignCheckpoint(s, origin, comity.Head{Size: size, Root: comity.Hash{byte(size), 1}})
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

func TestHonestChainIsAccepted(t *testing.T) {
	first := chainKeys(t)
	rapid.Check(t, func(t *rapid.T) {
		k, at, known := first, chainTime, first.Chain()
		for range rapid.IntRange(1, 8).Draw(t, "rotations") {
			roles := rapid.SliceOfNDistinct(rapid.SampledFrom(append([]KeyRole{RoleRoot}, online...)), 1, 4, rapid.ID[KeyRole]).Draw(t, "roles")
			var stolen []KeyRole
			for _, r := range roles {
				if r != RoleRoot && rapid.Bool().Draw(t, "stolen") {
					stolen = append(stolen, r)
				}
			}
			at = at.Add(time.Duration(rapid.IntRange(0, 1000).Draw(t, "hours")) * time.Hour)
			k = rotated(t, k, Rotation{Roles: roles, Stolen: stolen}, at)
			if err := k.Chain().Continues(known); err != nil {
				t.Fatal(err)
			}
			known = k.Chain()
		}
		// The note carries the whole chain, and whoever reads it has the same keys.
		msg, err := k.IdentityNote(testProfile, at)
		if err != nil {
			t.Fatal(err)
		}
		id, err := ParseIdentity(msg)
		if err != nil {
			t.Fatal(err)
		}
		if id.ID != first.ID() || id.Keys.Len() != k.Chain().Len() || id.Log.KeyHash() != k.Log().KeyHash() || id.Wit.KeyHash() != k.Wit().KeyHash() ||
			id.Rcv.KeyHash() != k.Rcv().KeyHash() || id.Doc.KeyHash() != k.Doc().KeyHash() || id.TLSPin != k.pub.pin {
			t.Fatalf("the note has other keys: %+v", id)
		}
		// The keys in force sign what counts at any size.
		origin := ledger.NodeOrigin(k.ID())
		if _, _, err := id.Keys.Checkpoint(checkpointBy(t, k.Log(), origin, 1000), origin); err != nil {
			t.Fatal(err)
		}
	})
}

// Many rotations in a row, beyond what any node will do in its life but within
// the bound, still fit into a note.
func TestLongChainFitsIntoNote(t *testing.T) {
	k := chainKeys(t)
	for i := range maxChain {
		k = rotated(t, k, Rotation{Roles: append([]KeyRole{RoleRoot}, online...)}, chainTime.AddDate(0, i, 0))
	}
	msg, err := k.IdentityNote(testProfile, chainTime)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("identity note after %d rotations of all keys: %d bytes", maxChain, len(msg))
	if id, err := ParseIdentity(msg); err != nil || id.Keys.Len() != maxChain {
		t.Fatal(err)
	}
	if _, _, err := k.Rotate(rand.Reader, Rotation{Roles: []KeyRole{RoleDoc}}, chainTime.AddDate(40, 0, 0)); !comity.Is(err, comity.TooLarge) {
		t.Errorf("over the bound: %v", err)
	}
}

// A thief has every online key, ever, and everything that was published, but
// neither root nor next.
func TestThiefCannotExtendChain(t *testing.T) {
	victim, thief := chainKeys(t), chainKeys(t)
	victim = rotated(t, victim, Rotation{Roles: []KeyRole{RoleLog, RoleRoot}}, chainTime)
	known := victim.Chain()
	thiefRoot, err := newSigner(victim.name+"/root", algEd25519, thief.offline.Root)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		b := keysBody{ID: victim.id, Seq: known.Len() + 1, Prev: known.hashes[known.Len()], At: chainTime.Add(time.Hour)}
		b.Log = vkeyOf(victim.name+"/log", algEd25519, thief.secret.Log)
		b.LastGood = &lastGoodBody{Log: rapid.Int64Range(0, 9).Draw(t, "good")}
		switch rapid.IntRange(0, 4).Draw(t, "root") {
		case 1:
			b.Root, b.Next = vkeyOf(victim.name+"/root", algEd25519, thief.offline.Root), known.now.Next
		case 2:
			b.Root, b.Next = vkeyOf(victim.name+"/root", algEd25519, thief.offline.Root), strings.Repeat("ab", 32)
		case 3:
			b.Root, b.Next = known.now.Root, strings.Repeat("ab", 32)
		case 4:
			b.Prev, b.Seq = known.hashes[0], 1
		}
		signer := rapid.SampledFrom([]note.Signer{thiefRoot, victim.log, victim.doc, victim.rcv, victim.wit}).Draw(t, "signer")
		msg, err := b.statement(signer, thiefRoot, victim.log)
		if err != nil {
			t.Fatal(err)
		}
		statements := known.Statements()
		switch rapid.IntRange(0, 2).Draw(t, "place") {
		case 0:
			statements = append(statements, msg)
		case 1:
			statements = [][]byte{msg}
		case 2: // an honest statement with the thief's line in place of the root's
			text, _, _ := notePart(statements[0])
			line, err := ledger.Countersign(text, signer)
			if err != nil {
				t.Fatal(err)
			}
			statements[0] = slices.Concat(text, []byte("\n"), line)
		}
		if c, err := OpenKeyChain(victim.genesis, statements...); err == nil {
			t.Fatalf("a thief's chain is accepted, with %d statements", c.Len())
		}
	})
	// What is left to a thief is an old state of the chain: it is not accepted as newer.
	old, err := OpenKeyChain(victim.genesis)
	if err != nil {
		t.Fatal(err)
	}
	wantErr(t, old.Continues(known), comity.Unverified, "keychain.rolled_back")
	wantErr(t, thief.Chain().Continues(known), comity.Unverified, "keychain.other_node")
}

// Who stole the root, but not the next one, is overruled by its owner.
func TestStolenRootIsOverruled(t *testing.T) {
	k := rotated(t, chainKeys(t), Rotation{Roles: []KeyRole{RoleDoc}}, chainTime)
	thief := rotated(t, k, Rotation{Roles: []KeyRole{RoleLog, RoleTLS}}, chainTime.Add(time.Hour))
	thief = rotated(t, thief, Rotation{Roles: []KeyRole{RoleDoc}}, chainTime.Add(2*time.Hour))
	owner := rotated(t, k, Rotation{Roles: []KeyRole{RoleRoot, RoleLog, RoleRcv}}, chainTime.Add(3*time.Hour))
	if err := owner.Chain().Continues(thief.Chain()); err != nil {
		t.Errorf("the owner is not believed: %v", err)
	}
	wantErr(t, thief.Chain().Continues(owner.Chain()), comity.Unverified, "keychain.other_chain")
	// The same through the node log.
	entries := []ledger.NodeEntry{{K: ledger.NodeGenesis, Raw: k.genesis}, {K: ledger.NodeNotice}}
	for _, s := range append(thief.Chain().Statements(), owner.Chain().Statements()[1]) {
		entries = append(entries, ledger.NodeEntry{K: ledger.NodeKeys, Keys: s})
	}
	c, err := FoldKeyLog(entries)
	if err != nil || c.Key(RoleLog).KeyHash() != owner.Log().KeyHash() {
		t.Fatalf("%v", err)
	}
	_, err = FoldKeyLog(append(entries, ledger.NodeEntry{K: ledger.NodeKeys, Keys: thief.Chain().Statements()[1]}))
	wantErr(t, err, comity.Unverified, "keychain.other_chain")
	_, err = FoldKeyLog(entries[1:])
	wantErr(t, err, comity.Invalid, "keychain.no_genesis")
}

// Beyond the last good size a replaced key signs nothing that counts; within it does.
func TestLastGoodSizes(t *testing.T) {
	old := chainKeys(t)
	ch, other := comity.ChannelID(strings.Repeat("a", 26)), comity.ChannelID(strings.Repeat("b", 26))
	k := rotated(t, old, Rotation{Roles: []KeyRole{RoleLog}, Stolen: []KeyRole{RoleLog},
		LastGood: LastGood{Log: 7, Channels: map[comity.ChannelID]int64{ch: 100}}}, chainTime.Add(time.Hour))
	k = rotated(t, k, Rotation{Roles: []KeyRole{RoleLog}, LastGood: LastGood{Log: 9, Channels: map[comity.ChannelID]int64{ch: 120}}}, chainTime.Add(2*time.Hour))
	origin, named := ledger.NodeOrigin(k.ID()), ledger.Origin(k.ID(), ch)
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(1, 200).Draw(t, "size")
		for _, c := range []struct {
			origin string
			good   int64
		}{{origin, 7}, {named, 100}, {ledger.Origin(k.ID(), other), 0}} {
			_, key, err := k.Chain().Checkpoint(checkpointBy(t, old.Log(), c.origin, size), c.origin)
			if (err == nil) != (size <= c.good) {
				t.Fatalf("size %d of %s by the stolen key: %v", size, c.origin, err)
			}
			if err != nil && comity.ErrorMessage(err).Key != "keychain.key_void" {
				t.Fatalf("not told why: %v", err)
			}
			if err == nil && key.Hash != old.Log().KeyHash() {
				t.Fatalf("signed by %v", key)
			}
			if _, err := k.Chain().LogKey(ledger.KeyID{Name: old.Log().Name(), Hash: old.Log().KeyHash()}, c.origin, size); (err == nil) != (size <= c.good) {
				t.Fatalf("LogKey says %v", err)
			}
		}
	})
	msg := checkpointBy(t, chainKeys(t).Log(), origin, 3)
	_, _, err := k.Chain().Checkpoint(msg, origin)
	wantErr(t, err, comity.Unverified, "ledger.unknown_key")
	// A log key is never replaced without saying how far it counts.
	b := keysBody{ID: k.id, Seq: 3, Prev: k.chain.hashes[2], At: chainTime.AddDate(1, 0, 0), Log: vkeyOf(k.name+"/log", algEd25519, bytes.Repeat([]byte{3}, 32))}
	root, _ := newSigner(k.name+"/root", algEd25519, k.offline.Root)
	bad, err := b.statement(root)
	if err != nil {
		t.Fatal(err)
	}
	_, err = OpenKeyChain(k.genesis, append(k.chain.Statements(), bad)...)
	wantErr(t, err, comity.Invalid, "keychain.field")
}

func TestReceiptsOfReplacedKeys(t *testing.T) {
	old := chainKeys(t)
	ch := comity.ChannelID(strings.Repeat("a", 26))
	origin := ledger.Origin(chainKeys(t).ID(), ch)
	sign := func(k *Keys, size int64) (msg, line []byte) {
		msg = checkpointBy(t, chainKeys(t).Log(), origin, size)
		line, err := ledger.SignReceipt(k.Rcv(), msg)
		if err != nil {
			t.Fatal(err)
		}
		return msg, line
	}
	stolen := rotated(t, old, Rotation{Roles: []KeyRole{RoleRcv}, Stolen: []KeyRole{RoleRcv}, LastGood: LastGood{Channels: map[comity.ChannelID]int64{ch: 50}}}, time.Now())
	msg, line := sign(old, 50)
	if _, _, err := stolen.Chain().Receipt(RoleRcv, msg, line); err != nil {
		t.Errorf("within the last good size: %v", err)
	}
	msg, line = sign(old, 51)
	_, _, err := stolen.Chain().Receipt(RoleRcv, msg, line)
	wantErr(t, err, comity.Unverified, "keychain.key_void")
	retired := rotated(t, old, Rotation{Roles: []KeyRole{RoleRcv}}, time.Now())
	if _, _, err := retired.Chain().Receipt(RoleRcv, msg, line); err != nil {
		t.Errorf("retired now, signed now: %v", err)
	}
	retired = rotated(t, old, Rotation{Roles: []KeyRole{RoleRcv}}, time.Now().Add(-time.Hour))
	_, _, err = retired.Chain().Receipt(RoleRcv, msg, line)
	wantErr(t, err, comity.Unverified, "keychain.receipt_late")
	_, _, err = retired.Chain().Receipt(RoleWit, msg, line)
	wantErr(t, err, comity.Unverified, "keychain.key_unknown")
}

func TestPinsOverlap(t *testing.T) {
	old := chainKeys(t)
	at := chainTime.Add(time.Hour)
	k := rotated(t, old, Rotation{Roles: []KeyRole{RoleTLS}}, at)
	oldPin, newPin := old.pub.pin, k.pub.pin
	day := 24 * time.Hour
	if err := k.Chain().AcceptsPin(oldPin, at.Add(6*day)); err != nil {
		t.Errorf("in the overlap: %v", err)
	}
	if pins := k.Chain().Pins(at.Add(day)); len(pins) != 2 || pins[0] != newPin {
		t.Errorf("pins %x", pins)
	}
	wantErr(t, k.Chain().AcceptsPin(oldPin, at.Add(PinOverlap)), comity.Unverified, "keychain.pin_retired")
	wantErr(t, k.Chain().AcceptsPin(comity.Hash{1}, at), comity.Unverified, "keychain.pin_unknown")
	if err := k.Chain().AcceptsPin(newPin, at.Add(-day)); err != nil {
		t.Errorf("the new key before its statement's time: %v", err)
	}
	// The node shows the old key for as long as all peers take it, then the new one.
	for after, want := range map[time.Duration]comity.Hash{0: oldPin, 5 * day: oldPin, 6 * day: newPin, 70 * day: newPin} {
		k.now = func() time.Time { return at.Add(after) }
		leaf := k.shown().PrivateKey.(ed25519.PrivateKey)
		if pin, err := pinOf(leaf.Seed()); err != nil || pin != want {
			t.Errorf("after %v the wrong key is shown", after)
		}
	}
	stolen := rotated(t, old, Rotation{Roles: []KeyRole{RoleTLS}, Stolen: []KeyRole{RoleTLS}}, at)
	wantErr(t, stolen.Chain().AcceptsPin(oldPin, at), comity.Unverified, "keychain.pin_stolen")
	stolen.now = func() time.Time { return at }
	if pin, _ := pinOf(stolen.shown().PrivateKey.(ed25519.PrivateKey).Seed()); pin != stolen.pub.pin {
		t.Error("a stolen key is still shown")
	}
}

// Agreements signed with a retired document key stay signed; with a stolen one not.
func TestDocumentKeys(t *testing.T) {
	old := chainKeys(t)
	to := chainKeys(t).ID()
	doc, err := old.SignInbox(InboxDocument{Type: TypeSuspend, To: to, At: chainTime})
	if err != nil {
		t.Fatal(err)
	}
	for _, stolen := range []bool{false, true} {
		r := Rotation{Roles: []KeyRole{RoleDoc}}
		if stolen {
			r.Stolen = r.Roles
		}
		id := identityOf(t, rotated(t, old, r, chainTime), testProfile)
		if _, err := OpenInbox(doc, id); (err != nil) != stolen {
			t.Errorf("stolen %v: %v", stolen, err)
		}
	}
}

func TestReplaceKeyFiles(t *testing.T) {
	dir := t.TempDir()
	k, pass := chainKeys(t), []byte("swordfish")
	if err := k.Save(dir, pass); err != nil {
		t.Fatal(err)
	}
	next := rotated(t, k, Rotation{Roles: []KeyRole{RoleRoot, RoleLog, RoleTLS, RoleAge}}, time.Now())
	// A crash after root.key and before node.key: the old state loads, with its root.
	if err := replaceKeyFile("x", filepath.Join(dir, keyDir, rootKeyFile), *next.offline, pass); err != nil {
		t.Fatal(err)
	}
	got, err := LoadKeys(dir, pass)
	if err != nil || got.Chain().Len() != 0 || !bytes.Equal(got.offline.Root, k.offline.Root) {
		t.Fatalf("after half a replacement: %v", err)
	}
	if err := next.Replace(dir, pass); err != nil {
		t.Fatal(err)
	}
	got, err = LoadKeys(dir, pass)
	if err != nil || got.Chain().Len() != 1 || got.Log().KeyHash() != next.Log().KeyHash() || !bytes.Equal(got.offline.Root, k.offline.Next) {
		t.Fatalf("after replacement: %v", err)
	}
	if !slices.Equal(got.secret.OldAge, []string{k.secret.Age}) {
		t.Error("files for the old recipient cannot be read any more")
	}
	again := rotated(t, got, Rotation{Roles: []KeyRole{RoleRoot}}, time.Now())
	if err := again.Replace(dir, pass); err != nil {
		t.Fatal(err)
	}
	if got, err = LoadKeys(dir, pass); err != nil || got.Chain().Len() != 2 {
		t.Fatalf("after a second: %v", err)
	}
}

func TestRootForTwo(t *testing.T) {
	dir := t.TempDir()
	k, one, two := chainKeys(t), []byte("first person"), []byte("second person")
	if err := k.Save(dir, nil); err != nil {
		t.Fatal(err)
	}
	for _, p := range [][2][]byte{{nil, two}, {one, nil}, {one, one}} {
		wantErr(t, k.SealRootForTwo(dir, p[0], p[1]), comity.Usage, "keychain.two_passphrases")
	}
	if err := k.SealRootForTwo(dir, one, two); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, keyDir, rootKeyFile)); !os.IsNotExist(err) {
		t.Error("the unsealed root is still there")
	}
	away, err := LoadKeys(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = away.Rotate(rand.Reader, Rotation{Roles: []KeyRole{RoleLog}}, time.Now())
	wantErr(t, err, comity.Forbidden, "federation.root_away")
	for _, p := range [][2][]byte{{one, one}, {two, two}, {two, one}} {
		_, err := away.OpenRootForTwo(dir, p[0], p[1])
		wantErr(t, err, comity.Forbidden, "federation.passphrase_wrong")
	}
	both, err := away.OpenRootForTwo(dir, one, two)
	if err != nil {
		t.Fatal(err)
	}
	rotated(t, both, Rotation{Roles: []KeyRole{RoleRoot}}, time.Now())
}

func TestRecoveryWords(t *testing.T) {
	// The list is the published one; a different list would give other secrets.
	if sum := crc32.ChecksumIEEE([]byte(strings.Join(wordlists.English, "\n") + "\n")); sum != 0xc1dbd296 || len(wordlists.English) != 2048 {
		t.Fatalf("word list of %d words with checksum %x", len(wordlists.English), sum)
	}
	// Test vectors of BIP-39.
	for seed, words := range map[string]string{
		string(make([]byte, 32)):              strings.Repeat("abandon ", 23) + "art",
		string(bytes.Repeat([]byte{255}, 32)): strings.Repeat("zoo ", 23) + "vote",
	} {
		if got := wordsOf([]byte(seed)); got != words {
			t.Errorf("words %q", got)
		}
	}
	k := chainKeys(t)
	root, next, err := k.RootWords()
	if err != nil {
		t.Fatal(err)
	}
	away := *k
	away.offline = nil
	back, err := away.RestoreRoot(strings.ToUpper(root), "1. "+strings.ReplaceAll(next, " ", "\n2. "))
	if err != nil || !bytes.Equal(back.offline.Root, k.offline.Root) || !bytes.Equal(back.offline.Next, k.offline.Next) {
		t.Fatal(err)
	}
	// The root is lost: the next one takes over.
	lost, err := away.RestoreRoot("", next)
	if err != nil {
		t.Fatal(err)
	}
	_, err = lost.IdentityNote(testProfile, chainTime)
	wantErr(t, err, comity.Forbidden, "federation.root_away")
	_, _, err = lost.Rotate(rand.Reader, Rotation{Roles: []KeyRole{RoleLog}}, chainTime)
	wantErr(t, err, comity.Forbidden, "federation.root_away")
	found := rotated(t, lost, Rotation{Roles: []KeyRole{RoleRoot}}, chainTime.Add(time.Hour))
	if _, err := found.IdentityNote(testProfile, chainTime); err != nil {
		t.Error(err)
	}
	// And the other way round.
	onlyRoot, err := away.RestoreRoot(root, "")
	if err != nil {
		t.Fatal(err)
	}
	rotated(t, onlyRoot, Rotation{Roles: []KeyRole{RoleLog}}, chainTime.Add(time.Hour))
	_, _, err = onlyRoot.Rotate(rand.Reader, Rotation{Roles: []KeyRole{RoleRoot}}, chainTime)
	wantErr(t, err, comity.Forbidden, "keychain.no_next")

	words := strings.Fields(root)
	swapped := slices.Clone(words)
	swapped[3] = map[bool]string{true: "zoo", false: "abandon"}[swapped[3] == "abandon"]
	for _, c := range []struct{ words, key string }{
		{strings.Join(words[1:], " "), "keychain.words_count"},
		{strings.Replace(root, words[5], "comity", 1), "keychain.words_unknown"},
	} {
		_, err := away.RestoreRoot(c.words, "")
		wantErr(t, err, comity.Usage, c.key)
		if strings.Contains(err.Error(), words[7]) {
			t.Error("an error quotes the words")
		}
	}
	if _, err := away.RestoreRoot(strings.Join(swapped, " "), ""); err == nil {
		t.Error("a wrong word passes")
	}
	_, err = away.RestoreRoot(wordsOf(bytes.Repeat([]byte{7}, 32)), "")
	wantErr(t, err, comity.Invalid, "federation.key_mismatch")
	_, err = away.RestoreRoot("", "")
	wantErr(t, err, comity.Usage, "keychain.words_count")
}

func TestWordsForTwo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "seed")
		words := wordsOf(seed)
		if got, err := seedOf(words); err != nil || !bytes.Equal(got, seed) {
			t.Fatalf("%x %v", got, err)
		}
		a, b, err := SplitWords(words, rand.Reader)
		if err != nil || a == words || b == words {
			t.Fatal(err)
		}
		if joined, err := JoinWords(b, a); err != nil || joined != words {
			t.Fatal(err)
		}
	})
}

func TestSuccession(t *testing.T) {
	old := chainKeys(t)
	k, err := NewSuccessor(rand.Reader, testProfile, old.ID(), chainTime)
	if err != nil {
		t.Fatal(err)
	}
	id := identityOf(t, k, testProfile)
	if id.Succeeds != old.ID() || id.ID == old.ID() {
		t.Errorf("%+v", id)
	}
	wantErr(t, k.Chain().Continues(old.Chain()), comity.Unverified, "keychain.other_node")
	if _, err := NewSuccessor(rand.Reader, testProfile, "x", chainTime); err == nil {
		t.Error("a successor of nobody")
	}
}

func FuzzKeyChain(f *testing.F) {
	k := chainKeys(f)
	next := rotated(f, k, Rotation{Roles: []KeyRole{RoleRoot, RoleLog}}, chainTime)
	f.Add(next.chain.statements[0])
	f.Fuzz(func(t *testing.T, statement []byte) {
		c, err := OpenKeyChain(k.genesis, statement)
		if err == nil && c.Key(RoleLog).KeyHash() != next.Log().KeyHash() {
			t.Fatal("a statement that nobody signed")
		}
	})
}
