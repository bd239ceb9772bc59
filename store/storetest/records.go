package storetest

import (
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

func recordTests() []subtest {
	return []subtest{
		{"peers", peers},
		{"agreements", agreements},
		{"users", users},
		{"secrets", secrets},
		{"audit", audits},
		{"settings", settings},
		{"statuses", statuses},
	}
}

func peers(k *kit) {
	a := comity.Peer{ID: "a", Name: "Á", Country: "KZ", Sector: "energy", URL: "https://a", Identity: []byte("note"),
		State: comity.PeerVerified, TheyVerified: true, Introduced: t0(), VerifiedAt: minute(1), SeenAt: minute(2),
		Fault: comity.Msg("store.busy"), FaultAt: minute(3)}
	b := comity.Peer{ID: "b", Identity: []byte("x"), State: comity.PeerIntroduced}
	for _, p := range []comity.Peer{b, {ID: "a", State: comity.PeerEnded}, a} {
		k.update(func(tx store.Tx) error { return tx.PutPeer(k.ctx, p) })
	}
	k.view(func(r store.Reader) error {
		all, err := r.Peers(k.ctx)
		if d := cmp.Diff([]comity.Peer{a, b}, all); d != "" {
			k.Error(d)
		}
		one, oneErr := r.Peer(k.ctx, "a")
		if d := cmp.Diff(a, one); d != "" || oneErr != nil {
			k.Error(d, oneErr)
		}
		_, missing := r.Peer(k.ctx, "x")
		k.wantKind(missing, comity.NotFound)
		return err
	})
}

func agreements(k *kit) {
	a := store.AgreementRecord{ID: "a", Chain: "a", Body: []byte("body"), State: comity.AgreementProposed,
		Signed: []store.Signature{{Member: "z", Line: []byte("line"), At: t0()}}, Received: minute(1)}
	b := store.AgreementRecord{ID: "b", Chain: "a", Body: []byte("b"), State: comity.AgreementDraft, Received: t0()}
	put := func(r store.AgreementRecord) {
		k.update(func(tx store.Tx) error { return tx.PutAgreement(k.ctx, r) })
	}
	put(a)
	put(b)
	a.State, a.StateAt, a.EndedBy = comity.AgreementSuspended, minute(5), "z"
	a.Signed = append(a.Signed, store.Signature{Member: "b", Line: []byte("line b"), At: minute(2)})
	put(a)
	k.view(func(r store.Reader) error {
		all, err := r.Agreements(k.ctx)
		if d := cmp.Diff([]store.AgreementRecord{b, a}, all); d != "" {
			k.Error(d)
		}
		one, oneErr := r.Agreement(k.ctx, "a")
		if d := cmp.Diff(a, one); d != "" || oneErr != nil {
			k.Error(d, oneErr)
		}
		_, missing := r.Agreement(k.ctx, "x")
		k.wantKind(missing, comity.NotFound)
		return err
	})
}

func users(k *kit) {
	a := store.User{Name: "a", Password: "phc", Role: "admin", Lang: "ar", Created: t0(), LastSeen: minute(1), Disabled: true}
	b := store.User{Name: "b", Role: "reader", Created: t0()}
	for _, u := range []store.User{b, {Name: "a", Created: t0()}, a} {
		k.update(func(tx store.Tx) error { return tx.PutUser(k.ctx, u) })
	}
	k.view(func(r store.Reader) error {
		all, err := r.Users(k.ctx)
		if d := cmp.Diff([]store.User{a, b}, all); d != "" {
			k.Error(d)
		}
		if u, err := r.User(k.ctx, "b"); err != nil || u != b {
			k.Errorf("%+v %v", u, err)
		}
		_, missing := r.User(k.ctx, "x")
		k.wantKind(missing, comity.NotFound)
		return err
	})
}

func secrets(k *kit) {
	secret := func(n byte, kind string, expires time.Time) store.Secret {
		return store.Secret{Hash: comity.Hash{n}, Kind: kind, User: "u", Label: "l", Data: []byte{n},
			Created: minute(int(n)), Expires: expires, Used: minute(9)}
	}
	a, b, c := secret(1, "token", minute(10)), secret(2, "token", time.Time{}), secret(3, "session", minute(20))
	for _, x := range []store.Secret{c, b, a} {
		k.update(func(tx store.Tx) error { return tx.PutSecret(k.ctx, x) })
	}
	list := func(kind string, want ...store.Secret) {
		k.Helper()
		k.view(func(r store.Reader) error {
			got, err := r.Secrets(k.ctx, kind)
			if d := cmp.Diff(want, got); d != "" {
				k.Error(d)
			}
			return err
		})
	}
	list("token", a, b)
	k.update(func(tx store.Tx) error { return tx.DeleteExpired(k.ctx, minute(10)) })
	list("token", b)
	list("session", c)
	for range 2 {
		k.update(func(tx store.Tx) error { return tx.DeleteSecret(k.ctx, c.Hash) })
	}
	k.view(func(r store.Reader) error {
		_, missing := r.Secret(k.ctx, c.Hash)
		k.wantKind(missing, comity.NotFound)
		got, err := r.Secret(k.ctx, b.Hash)
		if d := cmp.Diff(b, got); d != "" {
			k.Error(d)
		}
		return err
	})
}

func audits(k *kit) {
	for i := range 5 {
		k.update(func(tx store.Tx) error {
			return tx.AddAudit(k.ctx, comity.Audit{N: 99, At: minute(i), Actor: "system", Action: "import",
				Subject: fmt.Sprint(i), Kind: "invalid", Msg: comity.Msg("store.busy", comity.A("x", "ж"))})
		})
	}
	k.view(func(r store.Reader) error {
		first, err := r.Audits(k.ctx, 0, 2)
		if err != nil || len(first) != 2 {
			k.Fatalf("%v %v", first, err)
		}
		rest, err := r.Audits(k.ctx, first[1].N, 10)
		for i, a := range append(first, rest...) {
			want := comity.Audit{N: a.N, At: minute(4 - i), Actor: "system", Action: "import",
				Subject: fmt.Sprint(4 - i), Kind: "invalid", Msg: comity.Msg("store.busy", comity.A("x", "ж"))}
			if d := cmp.Diff(want, a); d != "" {
				k.Error(d)
			}
		}
		if len(rest) != 3 {
			k.Errorf("%d more lines, want 3", len(rest))
		}
		return err
	})
}

func settings(k *kit) {
	for _, v := range []string{"one", "", "two\x00"} {
		k.update(func(tx store.Tx) error { return tx.PutSetting(k.ctx, "name", []byte(v)) })
		k.view(func(r store.Reader) error {
			got, err := r.Setting(k.ctx, "name")
			if string(got) != v {
				k.Errorf("%q, want %q", got, v)
			}
			_, missing := r.Setting(k.ctx, "other")
			k.wantKind(missing, comity.NotFound)
			return err
		})
	}
}

func statuses(k *kit) {
	a := store.Status{ID: "root/a", Body: []byte("one"), Expires: minute(10)}
	b := store.Status{ID: "root/b_", Body: []byte("two\x00"), Expires: minute(20)}
	c := store.Status{ID: "rootx", Body: []byte("three")}
	for _, s := range []store.Status{c, {ID: "root/a", Expires: minute(1)}, b, a} {
		k.update(func(tx store.Tx) error { return tx.PutStatus(k.ctx, s) })
	}
	list := func(prefix, after string, limit int, want ...store.Status) {
		k.Helper()
		k.view(func(r store.Reader) error {
			got, err := r.Statuses(k.ctx, prefix, after, limit)
			if d := cmp.Diff(want, got); d != "" {
				k.Errorf("%q after %q: %s", prefix, after, d)
			}
			return err
		})
	}
	list("root/", "", 10, a, b)
	list("root/", "root/a", 10, b)
	list("", "", 2, a, b)
	list("", "root/b_", 0, c)
	list("x", "", 10)
	k.update(func(tx store.Tx) error { return tx.DeleteExpired(k.ctx, minute(15)) })
	list("", "", 10, b, c)
	k.view(func(r store.Reader) error {
		got, err := r.Status(k.ctx, "root/b_")
		if d := cmp.Diff(b, got); d != "" {
			k.Error(d)
		}
		_, missing := r.Status(k.ctx, "root/a")
		k.wantKind(missing, comity.NotFound)
		return err
	})
}
