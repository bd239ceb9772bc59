package main

import (
	"bytes"
	"context"
	"embed"
	"io"
	"net"
	"path/filepath"
	"strconv"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

// The sample data was written for the demo: addresses from the ranges for
// documentation, domains that cannot exist, organisations that were made up.
//
//go:embed sample
var samples embed.FS

// Objects of the sample that the steps speak of.
const (
	demoRevoked comity.ObjectID = "indicator--5865df00-fbc0-4849-b811-70840070357f"
	demoErased  comity.ObjectID = "note--77d786e1-95d9-4391-9c3c-67c6a8a47ccc"
)

// demoMembers are the three: the first is paired, and under an agreement, with
// each of the others.
var demoMembers = [...]struct {
	key     string
	profile node.Profile
}{
	{"north", node.Profile{Name: "CERT Example North", Country: "", Sector: "government"}},
	{"south", node.Profile{Name: "CERT Example South", Country: "", Sector: "government"}},
	{"institute", node.Profile{Name: "Example Institute of Network Research", Sector: "education"}},
}

const (
	demoUser       = "demo"
	demoCollection = "samples" // of each node, to be read by TAXII
)

// start makes three nodes with folders and keys of their own and runs them.
func (d *demo) start(ctx context.Context) error {
	for i, m := range demoMembers {
		dir := filepath.Join(d.dir, m.key)
		if _, err := node.Init(ctx, node.InitOptions{Dir: dir, Profile: m.profile}); err != nil {
			return err
		}
		n, err := node.Open(ctx, node.Config{Dir: dir, Version: programVersion()})
		if err != nil {
			return err
		}
		dn := &demoNode{key: m.key, n: n}
		d.nodes = append(d.nodes, dn)
		web, fed := d.port(2*i), d.port(2*i+1)
		if dn.s, err = d.a.listen(ctx, n, webOptions{addr: web}, fed); err != nil {
			return err
		}
		if err := d.open(ctx, dn, m.profile.Name, dir); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) port(i int) string {
	if d.o.port == 0 {
		return "127.0.0.1:0"
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(d.o.port+i))
}

// open makes the account, sign-in link and token of a node.
func (d *demo) open(ctx context.Context, dn *demoNode, name, dir string) error {
	fed := "https://" + dn.s.fed.Addr().String()
	if err := dn.n.SetURL(ctx, d.a.actor(), fed); err != nil {
		return err
	}
	if err := dn.n.CreateUser(ctx, d.a.actor(), demoUser, "", node.RoleAdmin, d.a.p.Tag()); err != nil {
		return err
	}
	link, err := dn.n.SignInLink(ctx, d.a.actor(), demoUser)
	if err != nil {
		return err
	}
	tok, err := dn.n.CreateToken(ctx, d.a.actor(), demoUser, "demo", 24*time.Hour)
	if err != nil {
		return err
	}
	dn.out = demoNodeResult{
		Name: name, ID: dn.n.ID(), URL: dn.s.url(), TAXII: dn.s.taxiiURL(), SignInURL: dn.s.url() + signInPath(link),
		Federation: fed, Token: tok, Dir: dir,
	}
	return nil
}

// until asks again and again, at most until ctx ends, whether something that
// another node has to do has happened.
func until(ctx context.Context, what string, happened func() (bool, error)) error {
	t := time.NewTicker(50 * time.Millisecond)
	defer t.Stop()
	for {
		ok, err := happened()
		if ok && err == nil {
			return nil
		}
		if err != nil && !comity.Is(err, comity.NotFound) {
			return err
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			if ctx.Err() == context.Canceled {
				return ctx.Err()
			}
			return comity.E(comity.Unreachable, "demo", what, comity.Msg("cmd.demo.waited", comity.A("what", what)), ctx.Err())
		}
	}
}

// pair introduces the first node to the others and compares the pair codes,
// which two people would do over the telephone.
func (d *demo) pair(ctx context.Context) error {
	one := d.nodes[0]
	for _, other := range d.nodes[1:] {
		mine, err := one.n.AddPeer(ctx, d.a.actor(), other.out.Federation, nil)
		if err != nil {
			return err
		}
		theirs, err := other.n.AddPeer(ctx, d.a.actor(), one.out.Federation, nil)
		if err != nil {
			return err
		}
		if mine.PairCode != theirs.PairCode || mine.PairCode == "" {
			return comity.E(comity.Unverified, "demo", other.out.Name, comity.Msg("cmd.demo.codes_differ"), nil)
		}
		d.a.note("cmd.demo.codes_equal", comity.A("a", one.out.Name), comity.A("b", other.out.Name), comity.A("code", mine.PairCode))
		if _, err := one.n.VerifyPeer(ctx, d.a.actor(), string(other.out.ID), theirs.PairCode); err != nil {
			return err
		}
		if _, err := other.n.VerifyPeer(ctx, d.a.actor(), string(one.out.ID), mine.PairCode); err != nil {
			return err
		}
	}
	return nil
}

// agree lets the first node propose and each other one sign: with the second
// up to TLP:AMBER+STRICT, with the institute up to TLP:GREEN.
func (d *demo) agree(ctx context.Context) error {
	one := d.nodes[0]
	for i, other := range d.nodes[1:] {
		draft, err := one.n.AgreementTemplate(ctx, "bilateral", string(other.out.ID))
		if err != nil {
			return err
		}
		if i == 1 {
			draft = bytes.ReplaceAll(draft, []byte(`"amber+strict"`), []byte(`"green"`))
		}
		ag, err := one.n.ProposeAgreement(ctx, d.a.actor(), draft)
		if err != nil {
			return err
		}
		id := string(ag.ID)
		if err := until(ctx, "agreement", func() (bool, error) {
			_, err := other.n.Agreement(ctx, id)
			return err == nil, err
		}); err != nil {
			return err
		}
		if _, err := other.n.SignAgreement(ctx, d.a.actor(), id); err != nil {
			return err
		}
		for _, dn := range []*demoNode{one, other} {
			if err := until(ctx, "agreement", func() (bool, error) {
				v, err := dn.n.Agreement(ctx, id)
				return v.State == comity.AgreementActive, err
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

// importSamples gives each node its own data, and the first one every --with.
func (d *demo) importSamples(ctx context.Context) error {
	for _, dn := range d.nodes {
		if err := d.importSample(ctx, dn, dn.key+".json", ""); err != nil {
			return err
		}
	}
	if err := d.importSample(ctx, d.nodes[0], "week.txt", "green"); err != nil {
		return err
	}
	for _, file := range d.o.with {
		m := d.a.meter("cmd.import.running")
		im, err := d.nodes[0].n.Import(ctx, d.a.actor(), node.ImportRequest{Source: file, TLP: "green", Progress: m.update})
		m.end()
		if err != nil {
			return err
		}
		d.a.note("cmd.demo.with", comity.A("file", file), comity.A("accepted", d.a.p.Number(im.Accepted)), comity.A("refused", d.a.p.Number(im.Refused)))
	}
	return nil
}

func (d *demo) importSample(ctx context.Context, dn *demoNode, name, tlp string) error {
	b, err := samples.ReadFile("sample/" + name)
	if err != nil {
		return err
	}
	im, err := dn.n.Import(ctx, d.a.actor(), node.ImportRequest{
		Collection: demoCollection,
		Source:     "-", Reader: io.NopCloser(bytes.NewReader(b)), Name: name, TLP: tlp,
	})
	if err != nil {
		return err
	}
	return outcome(im)
}
