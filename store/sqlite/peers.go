package sqlite

import (
	"context"

	"zombiezen.com/go/sqlite"

	"github.com/comity-net/comity"
)

const peerColumns = `id, name, country, sector, url, identity, state, theyverified,
	introduced, verifiedat, seenat, fault, faultat`

func scanPeer(s *sqlite.Stmt) (comity.Peer, error) {
	return comity.Peer{
		ID:           comity.MemberID(s.ColumnText(0)),
		Name:         s.ColumnText(1),
		Country:      s.ColumnText(2),
		Sector:       s.ColumnText(3),
		URL:          s.ColumnText(4),
		Identity:     blob(s, 5),
		State:        comity.PeerState(s.ColumnText(6)),
		TheyVerified: s.ColumnBool(7),
		Introduced:   when(s, 8),
		VerifiedAt:   when(s, 9),
		SeenAt:       when(s, 10),
		Fault:        message(s, 11),
		FaultAt:      when(s, 12),
	}, nil
}

// Peer implements store.PeerReader.
func (r *reader) Peer(_ context.Context, id comity.MemberID) (comity.Peer, error) {
	return one(r, "store.no_peer", id, scanPeer, "SELECT "+peerColumns+" FROM peer WHERE id = ?", string(id))
}

// Peers implements store.PeerReader.
func (r *reader) Peers(context.Context) ([]comity.Peer, error) {
	return collect(r, scanPeer, "SELECT "+peerColumns+" FROM peer ORDER BY id")
}

// PutPeer implements store.PeerWriter.
func (t *tx) PutPeer(_ context.Context, p comity.Peer) error {
	return t.exec(`
		INSERT OR REPLACE INTO peer (id, name, country, sector, url, identity, state, theyverified,
			introduced, verifiedat, seenat, fault, faultat)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		string(p.ID), p.Name, p.Country, p.Sector, p.URL, p.Identity, string(p.State), p.TheyVerified,
		p.Introduced, p.VerifiedAt, p.SeenAt, encodeMessage(p.Fault), p.FaultAt)
}
