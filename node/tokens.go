package node

import (
	"cmp"
	"context"
	"encoding/hex"
	"slices"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

// TokenView is an API token as it can be listed: never its text, which is not
// kept.
type TokenView struct {
	ID      string // hex of its hash; names it for RevokeToken
	Label   string
	Created time.Time
	Expires time.Time
	Used    time.Time // to the hour; zero for never
}

// Tokens lists a user's API tokens that are still good, newest first.
func (n *Node) Tokens(ctx context.Context, user string) ([]TokenView, error) {
	list, err := view(ctx, n.store, func(r store.Reader) ([]store.Secret, error) { return r.Secrets(ctx, secretToken) })
	if err != nil {
		return nil, err
	}
	out := make([]TokenView, 0, len(list))
	for _, s := range list {
		if s.User == user && n.now().Before(s.Expires) {
			out = append(out, TokenView{ID: hex.EncodeToString(s.Hash[:]), Label: s.Label, Created: s.Created, Expires: s.Expires, Used: s.Used})
		}
	}
	slices.SortFunc(out, func(a, b TokenView) int {
		return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(a.ID, b.ID))
	})
	return out, nil
}

// RevokeToken ends an API token of the caller's own; an administrator may end
// anyone's. NotFound when there is none of this id that the caller may end.
func (n *Node) RevokeToken(ctx context.Context, by Actor, id string) error {
	missing := comity.E(comity.NotFound, "token revoke", "", comity.Msg("node.token_unknown"), nil)
	var hash comity.Hash
	if b, err := hex.DecodeString(id); err != nil || copy(hash[:], b) != len(hash) || len(b) != len(hash) {
		return missing
	}
	s, err := view(ctx, n.store, func(r store.Reader) (store.Secret, error) { return r.Secret(ctx, hash) })
	if comity.Is(err, comity.NotFound) || err == nil && (s.Kind != secretToken || s.User != by.Name && by.Role != RoleAdmin) {
		return missing
	}
	if err != nil {
		return err
	}
	defer n.sessions.clear()
	return n.act(ctx, by, "token.revoke", s.User, func(tx store.Tx) error { return tx.DeleteSecret(ctx, hash) })
}

// DisableUser shuts an account out, or lets it in again; its password and
// tokens are kept. The last administrator who can sign in is a Conflict:
// nobody could undo it.
func (n *Node) DisableUser(ctx context.Context, by Actor, name string, disable bool) error {
	action := "user.enable"
	if disable {
		action = "user.disable"
	}
	defer n.sessions.clear()
	return n.act(ctx, by, action, name, func(tx store.Tx) error {
		if by.Role != RoleAdmin {
			return comity.E(comity.Forbidden, action, name, comity.Msg("node.user_admin_only"), nil)
		}
		u, err := tx.User(ctx, name)
		if err != nil {
			return err
		}
		if disable && Role(u.Role) == RoleAdmin {
			if err := otherAdmin(ctx, tx, name); err != nil {
				return err
			}
		}
		u.Disabled = disable
		if err := tx.PutUser(ctx, u); err != nil || !disable {
			return err
		}
		return endSessions(ctx, tx, name)
	})
}

// otherAdmin refuses when no administrator but name can sign in.
func otherAdmin(ctx context.Context, r store.Reader, name string) error {
	users, err := r.Users(ctx)
	if err != nil {
		return err
	}
	for _, u := range users {
		if u.Name != name && Role(u.Role) == RoleAdmin && !u.Disabled {
			return nil
		}
	}
	return comity.E(comity.Conflict, "user disable", name, comity.Msg("node.last_admin", comity.A("name", name)), nil)
}
