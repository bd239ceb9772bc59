package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

// demoOptions are the flags of demo.
type demoOptions struct {
	dir  string
	with []string
	port int
	once bool
}

// demoTimeout bounds --once when --timeout is not given.
const demoTimeout = 2 * time.Minute

func (a *app) demoCmd() *cobra.Command {
	var o demoOptions
	c := &cobra.Command{
		Use: "demo", Short: "cmd.demo.short", Long: "cmd.demo.long", Args: takes(0, 0),
		Example: `  comity demo
  comity demo --with bundle.json --port 8800
  comity demo --once --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			if o.once && a.timeout == 0 {
				limited, cancel := context.WithTimeout(ctx, demoTimeout)
				defer cancel()
				ctx = limited
			}
			return a.demo(ctx, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.dir, "dir", "", "cmd.flag.demo_dir")
	f.StringArrayVar(&o.with, "with", nil, "cmd.flag.demo_with")
	f.IntVar(&o.port, "port", 0, "cmd.flag.demo_port")
	f.BoolVar(&o.once, "once", false, "cmd.flag.demo_once")
	return c
}

// demo runs three nodes through a whole exchange and then keeps them up.
func (a *app) demo(ctx context.Context, o demoOptions) error {
	for _, file := range o.with {
		if err := readable(file); err != nil {
			return err
		}
	}
	dir := o.dir
	if isFile(filepath.Join(dir, demoMembers[0].key, "node.json")) {
		return comity.E(comity.Conflict, "demo", dir, comity.Msg("cmd.demo.used_dir", comity.A("dir", dir)), nil).
			WithHint(comity.Msg("cmd.demo.used_dir_hint", comity.A("dir", dir)))
	}
	if dir == "" {
		tmp, err := os.MkdirTemp("", "comity-demo-")
		if err != nil {
			return comity.E(comity.Unavailable, "demo", os.TempDir(), comity.Msg("cmd.write_failed", comity.A("file", os.TempDir())), err)
		}
		defer func() { _ = os.RemoveAll(tmp) }()
		dir = tmp
	}
	d := &demo{a: a, dir: dir, o: o}
	defer d.close()
	if err := d.run(ctx); err != nil {
		return err
	}
	if err := a.show(d.res, func() { d.print() }); err != nil {
		return err
	}
	if o.once {
		return nil
	}
	a.note("cmd.demo.stays")
	return d.wait(ctx)
}

// readable fails for a file that cannot be imported, before anything starts.
func readable(file string) error {
	if strings.Contains(file, "://") {
		return nil
	}
	f, err := os.Open(file)
	if err != nil {
		return comity.E(comity.NotFound, "demo", file, comity.Msg("cmd.read_failed", comity.A("file", file)), err)
	}
	return f.Close()
}

// demoNode is one of the three nodes, running.
type demoNode struct {
	key string // name of its folder and of its sample file
	n   *node.Node
	s   *server
	out demoNodeResult
}

// demo is the run under way. It owns the nodes; close ends them.
type demo struct {
	a     *app
	dir   string
	o     demoOptions
	nodes []*demoNode
	res   demoResult
}

// demoResult is what demo --json prints.
type demoResult struct {
	Nodes       []demoNodeResult `json:"nodes"`
	Channels    []demoChannel    `json:"channels"`
	Refusals    []demoRefusal    `json:"refusals"`
	Withdrawals []demoWithdrawal `json:"withdrawals"`
	Identical   int64            `json:"identical_objects"` // compared byte for byte on both sides
	Steps       []demoStep       `json:"steps"`
}

type demoNodeResult struct {
	Name       string          `json:"name"`
	ID         comity.MemberID `json:"id"`
	URL        string          `json:"url"`
	TAXII      string          `json:"taxii"`
	SignInURL  string          `json:"sign_in_url"`
	Federation string          `json:"federation"`
	Token      string          `json:"token"`
	Dir        string          `json:"dir"`
	Objects    int64           `json:"objects"`
}

type demoChannel struct {
	ID        comity.ChannelID `json:"id"`
	Agreement string           `json:"agreement"`
	Publisher string           `json:"publisher"`
	Stream    string           `json:"stream"`
	Reader    string           `json:"reader"`
	Entries   int64            `json:"entries"`
	Verified  int64            `json:"verified"`
	Receipts  int              `json:"receipts"`
}

type demoRefusal struct {
	Object  comity.ObjectID `json:"object"`
	Name    string          `json:"name"`
	From    string          `json:"from"`
	Member  string          `json:"member"`
	Reasons []comity.Reason `json:"reasons"`
}

type demoWithdrawal struct {
	Object comity.ObjectID  `json:"object"`
	Name   string           `json:"name"`
	Kind   comity.EntryKind `json:"kind"`
	SeenBy []string         `json:"seen_by"`
}

type demoStep struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
}

// run takes the steps in order; each is timed and named.
func (d *demo) run(ctx context.Context) error {
	steps := []struct {
		name, key string
		do        func(context.Context) error
	}{
		{"start", "cmd.demo.step.start", d.start},
		{"pair", "cmd.demo.step.pair", d.pair},
		{"agree", "cmd.demo.step.agree", d.agree},
		{"import", "cmd.demo.step.import", d.importSamples},
		{"share", "cmd.demo.step.share", d.share},
		{"arrive", "cmd.demo.step.arrive", d.arrive},
		{"withdraw", "cmd.demo.step.withdraw", d.withdraw},
		{"verify", "cmd.demo.step.verify", d.verify},
	}
	for _, s := range steps {
		d.a.note(s.key)
		began := time.Now()
		if err := s.do(ctx); err != nil {
			return err
		}
		d.res.Steps = append(d.res.Steps, demoStep{s.name, time.Since(began).Seconds()})
	}
	return d.sum(ctx)
}

// close ends the servers and nodes, newest first.
func (d *demo) close() {
	for i := len(d.nodes) - 1; i >= 0; i-- {
		if s := d.nodes[i].s; s != nil {
			s.stop()
		}
		_ = d.nodes[i].n.Close()
	}
	d.nodes = nil
}

// wait keeps the nodes up until ctx ends or a part of one fails.
func (d *demo) wait(ctx context.Context) error {
	failed := make(chan error, len(d.nodes))
	for _, dn := range d.nodes {
		s := dn.s
		dn.s = nil // wait ends it
		go func() { failed <- s.wait(ctx) }()
	}
	var err error
	for range cap(failed) {
		if e := <-failed; e != nil && err == nil {
			err = e
		}
	}
	return err
}

func (d *demo) print() {
	a := d.a
	var rows [][]string
	for _, c := range d.res.Channels {
		rows = append(rows, []string{c.Publisher, c.Reader, c.Stream, a.p.Number(c.Entries), a.p.Number(c.Verified), a.p.Number(int64(c.Receipts))})
	}
	a.table([]string{"cmd.field.publisher", "cmd.field.reader", "cmd.field.stream", "<cmd.field.entries", "<cmd.field.verified", "<cmd.field.receipts"}, rows)
	a.say("")
	a.tell("cmd.demo.identical", comity.A("n", d.res.Identical))
	for _, r := range d.res.Refusals {
		a.tell("cmd.demo.refused", comity.A("from", r.From), comity.A("member", r.Member), comity.A("name", r.Name))
		a.printReasons(comity.Decision{Reasons: r.Reasons})
	}
	for _, w := range d.res.Withdrawals {
		key := "cmd.demo.revoked"
		if w.Kind == comity.EntryErase {
			key = "cmd.demo.erased"
		}
		for _, by := range w.SeenBy {
			a.tell(key, comity.A("name", w.Name), comity.A("member", by))
		}
	}
	for _, n := range d.res.Nodes {
		a.say("")
		a.fields("cmd.field.name", n.Name, "cmd.field.objects", a.p.Number(n.Objects), "cmd.field.sign_in", n.SignInURL,
			"cmd.field.federation", n.Federation, "cmd.field.token", n.Token, "cmd.field.dir", filepath.Clean(n.Dir))
	}
}
