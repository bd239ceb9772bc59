package federation

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
)

var testProfile = Profile{Name: "KE-CIRT/CC", Country: "KE", Sector: "government", URL: "https://cirt.example:8844"}

func testKeys(t testing.TB, name string) (*Keys, *Identity) {
	t.Helper()
	p := testProfile
	p.Name = name
	k, err := NewKeys(rand.Reader, p, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return k, identityOf(t, k, p)
}

// wantErr fails unless err has the kind and the message key.
func wantErr(t *testing.T, err error, kind comity.Kind, key string) {
	t.Helper()
	if err == nil || comity.ErrorKind(err) != kind || comity.ErrorMessage(err).Key != key {
		t.Fatalf("want %v %s, got %v %v", kind, key, comity.ErrorKind(err), err)
	}
	complete(t, comity.ErrorMessage(err))
}

func TestIdentityRoundTrip(t *testing.T) {
	k, id := testKeys(t, "Национальный CERT")
	if id.ID != k.ID() || !validMemberID(id.ID) || id.ID != memberID(id.Genesis) {
		t.Fatalf("id %q, keys say %q", id.ID, k.ID())
	}
	if id.Name != "Национальный CERT" || id.Country != "KE" || id.TLSPin != k.pub.pin || !strings.HasPrefix(id.Age, "age1pq1") {
		t.Fatalf("identity %+v", id)
	}
	if id.Log.Name() != "cert/log" || id.Rcv.Name() != "cert/rcv" {
		t.Fatalf("keys are named %s, %s", id.Log.Name(), id.Rcv.Name())
	}
	if id.Log.KeyHash() != k.Log().KeyHash() || id.Rcv.KeyHash() != k.Rcv().KeyHash() || id.Doc.KeyHash() != k.Doc().KeyHash() {
		t.Fatal("the identity has other keys than the node")
	}
	if !regexp.MustCompile(`^([0-9a-f]{4} ){15}[0-9a-f]{4}$`).MatchString(id.Fingerprint) {
		t.Fatalf("fingerprint %q", id.Fingerprint)
	}
}

func TestIdentityRefusals(t *testing.T) {
	k, id := testKeys(t, "a")
	other, otherID := testKeys(t, "b")
	sign := func(body any, by *Keys) []byte {
		js, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		root, err := newSigner(by.name+"/root", algEd25519, by.offline.Root)
		if err != nil {
			t.Fatal(err)
		}
		msg, err := ledger.SignDocument(identityType, js, root, by.log)
		if err != nil {
			t.Fatal(err)
		}
		return msg
	}
	genesisWith := func(from, to string) []byte {
		return sign(identityBody{Genesis: bytes.Replace(bytes.Clone(id.Genesis), []byte(from), []byte(to), 1), Profile: testProfile, At: time.Now()}, k)
	}
	lines := bytes.SplitAfter(id.Note, []byte("\n"))
	cases := []struct {
		name string
		msg  []byte
		kind comity.Kind
		key  string
	}{
		{"empty", nil, comity.Invalid, "federation.identity_malformed"},
		{"text", []byte("hello"), comity.Invalid, "federation.identity_malformed"},
		{"large", make([]byte, maxIdentity+1), comity.TooLarge, "federation.too_large"},
		{"other type", bytes.Replace(id.Note, []byte("identity/v1"), []byte("identity/v2"), 1), comity.Invalid, "federation.document_type"},
		{"changed name", bytes.Replace(id.Note, []byte(`"name":"a"`), []byte(`"name":"b"`), 1), comity.Unverified, "federation.identity_signature"},
		{"one signature", bytes.Join(lines[:len(lines)-2], nil), comity.Unverified, "federation.identity_signature"},
		{"signed by another node", sign(identityBody{Genesis: id.Genesis, Profile: testProfile, At: time.Now()}, other), comity.Unverified, "federation.identity_signature"},
		{"another genesis", sign(identityBody{Genesis: otherID.Genesis, Profile: testProfile, At: time.Now()}, k), comity.Unverified, "federation.identity_signature"},
		{"no profile name", sign(identityBody{Genesis: id.Genesis, At: time.Now()}, k), comity.Invalid, "federation.profile_field"},
		{"no time", sign(identityBody{Genesis: id.Genesis, Profile: testProfile}, k), comity.Invalid, "federation.identity_malformed"},
		{"genesis version", genesisWith("genesis/v1", "genesis/v9"), comity.Invalid, "federation.genesis_version"},
		{"genesis duplicate key", genesisWith(`"name":`, `"name":"x","name":`), comity.Invalid, "federation.genesis_malformed"},
		{"genesis pin", genesisWith(`"tls":"`, `"tls":"00`), comity.Invalid, "federation.genesis_field"},
		{"genesis age", genesisWith(`"age":"age1`, `"age":"age2`), comity.Invalid, "federation.genesis_field"},
		{"genesis key of another type", genesisWith(`"log":"a/log+`, `"log":"a/rcv+`), comity.Invalid, "federation.genesis_field"},
		{"genesis nonce", genesisWith(`"nonce":"`, `"nonce":"AA`), comity.Invalid, "federation.genesis_field"},
	}
	for _, c := range cases {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			got, err := ParseIdentity(c.msg)
			if got != nil {
				t.Fatal("an identity came with the error")
			}
			wantErr(t, err, c.kind, c.key)
		})
	}
}

func TestProfiles(t *testing.T) {
	bad := []Profile{
		{}, {Name: " x"}, {Name: "a\nb"}, {Name: "a\u202eb"}, {Name: strings.Repeat("x", 201)}, {Name: "x", Country: "ke"}, {Name: "x", Country: "KEN"},
		{Name: "x", URL: "http://cert.example"}, {Name: "x", URL: "https://user:pw@cert.example"}, {Name: "x", URL: "https://"},
		{Name: "x", URL: "https://cert.example/?q=1"}, {Name: "x", URL: "file:///etc/passwd"}, {Name: "x", Sector: "a\tb"},
	}
	for _, p := range bad {
		if _, err := NewKeys(rand.Reader, p, time.Now()); !comity.Is(err, comity.Invalid) {
			t.Errorf("%+v: %v", p, err)
		}
	}
}

func TestKeysNeedRandomness(t *testing.T) {
	_, err := NewKeys(iotest.ErrReader(errors.New("no entropy")), testProfile, time.Now())
	wantErr(t, err, comity.Internal, "federation.no_randomness")
}

func TestKeyFiles(t *testing.T) {
	for _, pass := range []string{"", "correct horse"} {
		t.Run("passphrase="+pass, func(t *testing.T) {
			dir := t.TempDir()
			k, id := testKeys(t, "a")
			if err := k.Save(dir, []byte(pass)); err != nil {
				t.Fatal(err)
			}
			wantErr(t, k.Save(dir, []byte(pass)), comity.Conflict, "federation.keys_exist")
			checkModes(t, dir)
			got, err := LoadKeys(dir, []byte(pass))
			if err != nil {
				t.Fatal(err)
			}
			if got.ID() != k.ID() || got.pub.pin != k.pub.pin {
				t.Fatal("other keys came back")
			}
			if msg, err := got.IdentityNote(testProfile, time.Now()); err != nil {
				t.Fatal(err)
			} else if again, err := ParseIdentity(msg); err != nil || again.ID != id.ID {
				t.Fatalf("identity of the loaded keys: %v", err)
			}
			files := map[string][]byte{}
			for _, name := range []string{nodeKeyFile, rootKeyFile} {
				files[name], err = os.ReadFile(filepath.Join(dir, keyDir, name))
				if err != nil {
					t.Fatal(err)
				}
			}
			secret := base64.StdEncoding.EncodeToString(k.secret.Log)
			if clear := bytes.Contains(files[nodeKeyFile], []byte(secret)); clear != (pass == "") {
				t.Fatalf("key in clear text: %v", clear)
			}
			if pass != "" {
				_, err = LoadKeys(dir, nil)
				wantErr(t, err, comity.Forbidden, "federation.passphrase_needed")
				var e *comity.Error
				if errors.As(err, &e); e.Hint.IsZero() {
					t.Fatal("no hint what to do")
				}
				_, err = LoadKeys(dir, []byte("wrong"))
				wantErr(t, err, comity.Forbidden, "federation.passphrase_wrong")
			}
		})
	}
}

func checkModes(t *testing.T, dir string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		return
	}
	for name, want := range map[string]os.FileMode{keyDir: 0o700, keyDir + "/" + nodeKeyFile: 0o600, keyDir + "/" + rootKeyFile: 0o600} {
		st, err := os.Stat(filepath.Join(dir, name))
		if err != nil || st.Mode().Perm() != want {
			t.Fatalf("%s: %v %v", name, st.Mode(), err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("left behind: %v %v", entries, err)
	}
}

func TestBrokenKeyFiles(t *testing.T) {
	k, _ := testKeys(t, "a")
	other, _ := testKeys(t, "a")
	fresh := func() (dir, node, root string) {
		dir = t.TempDir()
		if err := k.Save(dir, nil); err != nil {
			t.Fatal(err)
		}
		return dir, filepath.Join(dir, keyDir, nodeKeyFile), filepath.Join(dir, keyDir, rootKeyFile)
	}
	load := func(dir string) error { _, err := LoadKeys(dir, nil); return err }

	wantErr(t, load(t.TempDir()), comity.NotFound, "federation.keys_missing")

	dir, node, root := fresh()
	if runtime.GOOS != "windows" {
		_ = os.Chmod(node, 0o640)
		wantErr(t, load(dir), comity.Forbidden, "federation.keys_readable")
		_ = os.Chmod(node, 0o600)
	}
	_ = os.Remove(root)
	got, err := LoadKeys(dir, nil)
	if err != nil {
		t.Fatalf("without the root key: %v", err)
	}
	_, err = got.IdentityNote(testProfile, time.Now())
	wantErr(t, err, comity.Forbidden, "federation.root_away")

	_ = os.WriteFile(node, []byte("not json"), 0o600)
	wantErr(t, load(dir), comity.Invalid, "federation.keys_malformed")
	_ = os.WriteFile(node, []byte(`{"format":"comity/keys/v9"}`), 0o600)
	wantErr(t, load(dir), comity.Invalid, "federation.keys_malformed")
	_ = os.WriteFile(node, make([]byte, maxKeyFile+1), 0o600)
	wantErr(t, load(dir), comity.Unavailable, "federation.keys_read")

	// A key of another node in the folder must not sign.
	for name, swap := range map[string]func(*nodeSecrets){
		"log": func(s *nodeSecrets) { s.Log = other.secret.Log }, "rcv": func(s *nodeSecrets) { s.Rcv = s.Wit },
		"tls": func(s *nodeSecrets) { s.TLS = other.secret.TLS }, "age": func(s *nodeSecrets) { s.Age = other.secret.Age },
		"doc": func(s *nodeSecrets) { s.Doc = nil },
	} {
		s := k.secret
		swap(&s)
		_, err := openKeys(s, k.offline)
		if wantErr(t, err, comity.Invalid, "federation.key_mismatch"); !strings.Contains(err.Error(), "key="+name) {
			t.Fatalf("%s: %v", name, err)
		}
	}
	_, err = openKeys(k.secret, other.offline)
	wantErr(t, err, comity.Invalid, "federation.key_mismatch")
}

func TestPairCode(t *testing.T) {
	_, a := testKeys(t, "a")
	_, b := testKeys(t, "b")
	_, c := testKeys(t, "c")
	code := PairCode(a, b)
	if code != PairCode(b, a) {
		t.Fatal("the two sides see different codes")
	}
	if !regexp.MustCompile(`^(\d{5} ){11}\d{5}$`).MatchString(code) {
		t.Fatalf("code %q", code)
	}
	if code == PairCode(a, c) || SamePairCode(PairCode(a, c), code) {
		t.Fatal("another node has the same code")
	}
	arabic := strings.NewReplacer("0", "٠", "1", "١", "2", "٢", "3", "٣", "4", "٤", "5", "٥", "6", "٦", "7", "٧", "8", "٨", "9", "٩").Replace(code)
	for _, same := range []string{code, strings.ReplaceAll(code, " ", ""), strings.ReplaceAll(code, " ", "-"), " " + strings.ReplaceAll(code, " ", "\n – ") + "\n", arabic} {
		if !SamePairCode(same, code) {
			t.Errorf("%q is the same", same)
		}
	}
	for _, other := range []string{"", code[1:], code + "1", "x" + code, strings.Repeat("1", 60), strings.Repeat("9", 100000)} {
		if SamePairCode(other, code) {
			t.Errorf("%.80q is not the same", other)
		}
	}
	if SamePairCode("", "") {
		t.Fatal("no code is not the same as no code")
	}
}

// A code with any one digit changed is refused.
func TestPairCodeEveryDigitCounts(t *testing.T) {
	_, a := testKeys(t, "a")
	_, b := testKeys(t, "b")
	code := PairCode(a, b)
	rapid.Check(t, func(t *rapid.T) {
		i := rapid.IntRange(0, len(code)-1).Draw(t, "at")
		d := rapid.ByteRange('0', '9').Draw(t, "digit")
		typed := []byte(code)
		if typed[i] == ' ' || typed[i] == d {
			return
		}
		typed[i] = d
		if SamePairCode(string(typed), code) {
			t.Fatalf("digit %d does not count", i)
		}
	})
}

func TestKeyNames(t *testing.T) {
	for in, want := range map[string]string{"KE-CIRT/CC": "ke-cirt-cc", "国家互联网应急中心": "node", " a  b+c ": "a-b-c", "cert.example": "cert.example",
		strings.Repeat("x", 100): strings.Repeat("x", 40), "": "node"} {
		if got := keyName(in); got != want || keyName(got) != got {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
		if _, err := note.NewVerifier(makeVKey(keyName(in)+"/log", algEd25519, make([]byte, 32))); err != nil {
			t.Errorf("%q: %v", in, err)
		}
	}
}
