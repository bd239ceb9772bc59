package node

import (
	"context"
	"encoding/json"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/federation"
	"github.com/comity-net/comity/policy"
	"github.com/comity-net/comity/store"
)

// ending says that a party gave notice: the agreement stays as it is until At.
type ending struct {
	At time.Time       `json:"at"`
	By comity.MemberID `json:"by"`
}

func settingEnding(id comity.AgreementID) string { return "ending:" + string(id) }

// endingOf returns the notice given; the zero value when nobody gave any.
func endingOf(ctx context.Context, r store.SettingReader, id comity.AgreementID) (ending, error) {
	var e ending
	b, err := r.Setting(ctx, settingEnding(id))
	if comity.Is(err, comity.NotFound) {
		return e, nil
	} else if err != nil {
		return e, err
	}
	err = json.Unmarshal(b, &e)
	return e, err
}

// over reports whether a living agreement is to end now, because its time or the
// notice is over, and by whom.
func (n *Node) over(ctx context.Context, r store.SettingReader, a comity.Agreement, rec store.AgreementRecord) (bool, comity.MemberID, error) {
	if rec.State == comity.AgreementEnded || rec.State == comity.AgreementSuperseded {
		return false, "", nil
	}
	now := n.now()
	if !a.ValidUntil.IsZero() && !now.Before(a.ValidUntil) {
		return true, "", nil
	}
	e, err := endingOf(ctx, r, rec.ID)
	return err == nil && !e.At.IsZero() && !now.Before(e.At), e.By, err
}

// EndAgreement gives notice: the agreement stays in force until its notice
// period is over and then ends for good, at once when it has none or not all
// have signed. What was exchanged stays covered by its clauses. To stop at once,
// suspend it.
func (n *Node) EndAgreement(ctx context.Context, by Actor, id string) (AgreementView, error) {
	return n.moveAgreement(ctx, by, id, "agreement.end", func(tx store.Tx, a comity.Agreement, rec store.AgreementRecord) error {
		if rec.State == comity.AgreementEnded || rec.State == comity.AgreementSuperseded {
			return wrongState("agreement end", rec)
		}
		e, err := endingOf(ctx, tx, rec.ID)
		if err != nil {
			return err
		}
		if !e.At.IsZero() {
			return comity.E(comity.Conflict, "agreement end", rec.ID.Short(), comity.Msg("node.notice_given",
				comity.A("name", partyName(a, e.By)), comity.A("until", e.At.Format(time.RFC3339))), nil)
		}
		at := n.now().UTC().Truncate(time.Second) // as the document will say it
		if err := n.giveNotice(ctx, tx, a, rec, n.ID(), at); err != nil {
			return err
		}
		name := "agreement:" + string(a.ID) // takes the place of a proposal not yet delivered
		if signedByAll(a, rec) {
			name = "end:" + string(a.ID) // suspending it later must not swallow the notice
		}
		return n.tell(ctx, tx, a, federation.TypeEnd, name, at)
	})
}

// giveNotice ends an agreement at the end of the notice that by gave at a time.
// Both sides reckon it from the document and the clause, so they find the same.
func (n *Node) giveNotice(ctx context.Context, tx store.Tx, a comity.Agreement, rec store.AgreementRecord, by comity.MemberID, at time.Time) error {
	notice, err := policy.ParsePeriod(a.Notice)
	if err != nil {
		return err
	}
	end := notice.Add(at)
	if !signedByAll(a, rec) || notice == (policy.Span{}) || !end.After(n.now()) {
		rec.State, rec.StateAt, rec.EndedBy = comity.AgreementEnded, n.now(), by
		return tx.PutAgreement(ctx, rec)
	}
	old, err := endingOf(ctx, tx, rec.ID)
	if err != nil || !old.At.IsZero() && !end.Before(old.At) {
		return err // an earlier end counts
	}
	b, err := json.Marshal(ending{At: end, By: by})
	if err != nil {
		return err
	}
	return tx.PutSetting(ctx, settingEnding(rec.ID), b)
}
