package node

import (
	"context"
	"encoding/json"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/policy"
	"github.com/comity-net/comity/store"
)

// dayUse is what this node has published under one agreement in one day, UTC.
type dayUse struct {
	Day     string `json:"day"`
	Objects int64  `json:"objects"`
	Bytes   int64  `json:"bytes"`
}

func useSetting(chain comity.AgreementID) string { return "used:" + string(chain) }

// dayUse reads the day's use; a new day begins at zero.
func (n *Node) dayUse(ctx context.Context, r store.SettingReader, chain comity.AgreementID) (dayUse, error) {
	u := dayUse{Day: n.now().UTC().Format(time.DateOnly)}
	b, err := r.Setting(ctx, useSetting(chain))
	if comity.Is(err, comity.NotFound) {
		return u, nil
	}
	var held dayUse
	if err == nil {
		err = json.Unmarshal(b, &held)
	}
	if held.Day == u.Day {
		return held, err
	}
	return u, err
}

// used is the day's use as the policy asks for it.
func (n *Node) used(ctx context.Context, r store.SettingReader, chain comity.AgreementID) (policy.Usage, error) {
	u, err := n.dayUse(ctx, r, chain)
	return policy.Usage{ObjectsToday: u.Objects, BytesToday: u.Bytes}, err
}

// use counts drafts against the day's quota, in the transaction that appends
// them. Withdrawals do not count.
func (n *Node) use(ctx context.Context, tx store.Tx, chain comity.AgreementID, drafts []draft) error {
	u, err := n.dayUse(ctx, tx, chain)
	if err != nil {
		return err
	}
	before := u
	for _, d := range drafts {
		if d.entry.K == comity.EntryPut {
			u.Objects++
			u.Bytes += d.entry.S
		}
	}
	if u == before {
		return nil
	}
	b, err := json.Marshal(u)
	if err != nil {
		return err
	}
	return tx.PutSetting(ctx, useSetting(chain), b)
}
