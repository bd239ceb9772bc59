package node

import (
	"context"
	"encoding/json"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/federation"
	"github.com/comity-net/comity/store"
)

// jobInbox is the kind of job that delivers a document to a peer's inbox.
const jobInbox = "inbox"

const (
	jobLease = time.Minute
	maxRetry = time.Hour
)

// delivery is the body of such a job.
type delivery struct {
	To  comity.MemberID `json:"to"`
	Doc []byte          `json:"doc"`
}

// queue puts a document into the outbox in the same transaction as what it
// tells of. A waiting document with the same name for the same peer is
// replaced: only the latest word counts.
func (n *Node) queue(ctx context.Context, tx store.Tx, to comity.MemberID, name string, doc []byte) error {
	body, err := json.Marshal(delivery{To: to, Doc: doc})
	if err != nil {
		return err
	}
	return tx.PutJob(ctx, store.Job{Kind: jobInbox, Key: string(to) + " " + name, Body: body, RunAt: n.now()})
}

// queueDocument signs a document for its addressee and queues it.
func (n *Node) queueDocument(ctx context.Context, tx store.Tx, name string, d federation.InboxDocument) error {
	d.At = n.now()
	doc, err := n.keys.SignInbox(d)
	if err != nil {
		return err
	}
	return n.queue(ctx, tx, d.To, name, doc)
}

// flushOutbox delivers what is due, once each. What cannot be delivered now
// stays and is tried again by Run, so a failure here is no failure of the deed.
func (n *Node) flushOutbox(ctx context.Context) {
	for ctx.Err() == nil {
		var j store.Job
		err := n.store.Update(ctx, func(tx store.Tx) error {
			var err error
			j, err = tx.ClaimJob(ctx, jobInbox, n.now(), n.now().Add(jobLease))
			return err
		})
		if err != nil {
			if !comity.Is(err, comity.NotFound) && ctx.Err() == nil {
				n.log.Error("outbox", "err", err)
			}
			return
		}
		n.deliver(ctx, j)
	}
}

func (n *Node) deliver(ctx context.Context, j store.Job) {
	var d delivery
	err := json.Unmarshal(j.Body, &d)
	if err == nil {
		err = n.post(ctx, d)
	}
	ctx = context.WithoutCancel(ctx)
	werr := n.store.Update(ctx, func(tx store.Tx) error {
		if err == nil {
			return tx.DeleteJob(ctx, j.ID)
		}
		// A refusal is final: the same bytes will be refused again.
		if k := comity.ErrorKind(err); k == comity.Invalid || k == comity.Unverified && j.Tries > 3 {
			if err := tx.AddAudit(ctx, comity.Audit{At: n.now(), Actor: "peer:" + string(d.To), Action: "inbox.refused",
				Subject: j.Key, Kind: k.String(), Msg: comity.ErrorMessage(err)}); err != nil {
				return err
			}
			return tx.DeleteJob(ctx, j.ID)
		}
		wait := min(maxRetry, time.Second<<min(j.Tries, 12))
		return tx.RetryJob(ctx, j.ID, n.now().Add(wait), err.Error())
	})
	if werr != nil {
		n.log.Error("outbox", "job", j.Key, "err", werr)
	}
}

func (n *Node) post(ctx context.Context, d delivery) error {
	p, err := view(ctx, n.store, func(r store.Reader) (comity.Peer, error) { return r.Peer(ctx, d.To) })
	if err != nil {
		return err
	}
	id, err := n.reachable(p)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	err = n.client.For(id).PostInbox(ctx, d.Doc)
	n.heard(ctx, d.To, err)
	return err
}

// reachable is a peer's identity with the address it is known by here.
func (n *Node) reachable(p comity.Peer) (*federation.Identity, error) {
	id, err := n.identity(p.Identity)
	if err != nil {
		return nil, err
	}
	if p.URL == "" {
		return nil, comity.E(comity.Unreachable, "connect", p.Name, comity.Msg("node.peer_no_url", comity.A("name", p.Name)), nil)
	}
	at := *id
	at.URL = p.URL
	return &at, nil
}
