package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/comity-net/comity"
)

const peerColumns = `id, name, country, sector, url, identity, state, theyverified,
	introduced, verifiedat, seenat, fault, faultat`

func scanPeer(row pgx.Row) (p comity.Peer, err error) {
	err = row.Scan(&p.ID, &p.Name, &p.Country, &p.Sector, &p.URL, &p.Identity, &p.State, &p.TheyVerified,
		when{&p.Introduced}, when{&p.VerifiedAt}, when{&p.SeenAt}, message{&p.Fault}, when{&p.FaultAt})
	return p, err
}

// Peer implements store.PeerReader.
func (r *reader) Peer(ctx context.Context, id comity.MemberID) (comity.Peer, error) {
	return one(ctx, r, "store.no_peer", id, scanPeer, "SELECT "+peerColumns+" FROM peer WHERE id = $1"+r.lock, id)
}

// Peers implements store.PeerReader.
func (r *reader) Peers(ctx context.Context) ([]comity.Peer, error) {
	return collect(ctx, r, scanPeer, "SELECT "+peerColumns+` FROM peer ORDER BY id COLLATE "C"`)
}

// PutPeer implements store.PeerWriter.
func (t *tx) PutPeer(ctx context.Context, p comity.Peer) error {
	return t.do(ctx, `
		INSERT INTO peer (id, name, country, sector, url, identity, state, theyverified,
			introduced, verifiedat, seenat, fault, faultat)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
		ON CONFLICT (id) DO UPDATE SET
			name = excluded.name, country = excluded.country, sector = excluded.sector, url = excluded.url,
			identity = excluded.identity, state = excluded.state, theyverified = excluded.theyverified,
			introduced = excluded.introduced, verifiedat = excluded.verifiedat, seenat = excluded.seenat,
			fault = excluded.fault, faultat = excluded.faultat`,
		p.ID, clean(p.Name), p.Country, clean(p.Sector), clean(p.URL), bytesOf(p.Identity), p.State, p.TheyVerified,
		nanos(p.Introduced), nanos(p.VerifiedAt), nanos(p.SeenAt), encodeMessage(p.Fault), nanos(p.FaultAt))
}
