package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

const agreementColumns = `id, chain, body, state, received, stateat, endedby, n`

type agreementRow struct {
	store.AgreementRecord
	n int64
}

func scanAgreement(row pgx.Row) (a agreementRow, err error) {
	err = row.Scan(&a.ID, &a.Chain, &a.Body, &a.State, when{&a.Received}, when{&a.StateAt}, &a.EndedBy, &a.n)
	return a, err
}

// Agreement implements store.AgreementReader.
func (r *reader) Agreement(ctx context.Context, id comity.AgreementID) (store.AgreementRecord, error) {
	a, err := one(ctx, r, "store.no_agreement", id, scanAgreement,
		"SELECT "+agreementColumns+" FROM agreement WHERE id = $1"+r.lock, id)
	if err != nil {
		return store.AgreementRecord{}, err
	}
	return r.withSignatures(ctx, a)
}

// Agreements implements store.AgreementReader.
func (r *reader) Agreements(ctx context.Context) ([]store.AgreementRecord, error) {
	rows, err := collect(ctx, r, scanAgreement, "SELECT "+agreementColumns+" FROM agreement ORDER BY received, n")
	if err != nil {
		return nil, err
	}
	out := make([]store.AgreementRecord, len(rows))
	for i, a := range rows {
		if out[i], err = r.withSignatures(ctx, a); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (r *reader) withSignatures(ctx context.Context, a agreementRow) (store.AgreementRecord, error) {
	signed, err := collect(ctx, r, func(row pgx.Row) (s store.Signature, err error) {
		err = row.Scan(&s.Member, &s.Line, when{&s.At})
		return s, err
	}, "SELECT member, line, at FROM signature WHERE agreement = $1 ORDER BY place", a.n)
	a.Signed = signed
	return a.AgreementRecord, err
}

// PutAgreement implements store.AgreementWriter; it replaces the signatures.
func (t *tx) PutAgreement(ctx context.Context, a store.AgreementRecord) error {
	n, err := one(ctx, &t.reader, "store.no_agreement", a.ID, scanNumber, `
		INSERT INTO agreement (id, chain, body, state, received, stateat, endedby) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (id) DO UPDATE SET
			chain = excluded.chain, body = excluded.body, state = excluded.state,
			received = excluded.received, stateat = excluded.stateat, endedby = excluded.endedby
		RETURNING n`,
		a.ID, a.Chain, bytesOf(a.Body), a.State, nanos(a.Received), nanos(a.StateAt), a.EndedBy)
	if err != nil {
		return err
	}
	if err := t.do(ctx, "DELETE FROM signature WHERE agreement = $1", n); err != nil {
		return err
	}
	for i, s := range a.Signed {
		err := t.do(ctx, "INSERT INTO signature (agreement, place, member, line, at) VALUES ($1, $2, $3, $4, $5)",
			n, int64(i), s.Member, bytesOf(s.Line), nanos(s.At))
		if err != nil {
			return err
		}
	}
	return nil
}
