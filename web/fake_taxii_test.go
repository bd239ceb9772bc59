package web

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
	"github.com/comity-net/comity/store"
)

const postID = "5f0e6d1c-1f0d-4f3e-9a52-77d0c1f6a0aa"

func (f *fake) Collection(_ context.Context, id string) (node.CollectionView, error) {
	v := node.CollectionView{Collection: store.Collection{ID: comity.CollectionID(id)}}
	if !f.full {
		return v, f.fault
	}
	v.Collection = store.Collection{ID: "0b9d3c5e-6a1f-4f3e-9a52-77d0c1f6a001", Alias: "phishing", Title: "Phishing <campaigns>", Description: "What we see.\nEvery day.", Size: 24771, Created: fakeNow}
	v.Open = node.Opening{To: node.RoleCommunity, Write: true, Readers: []string{"bank"}, Writers: []string{"telecom"}, Purpose: []string{"defence"}, Retention: "P90D", By: "aigul", At: fakeNow}
	if id == "c2" {
		v.Query, v.Filling = `label = phishing and confidence >= 50`, &node.Filling{Done: 30, Total: 100}
	}
	return v, f.fault
}
func (f *fake) AddCollection(_ context.Context, _ node.Actor, d node.CollectionDraft) (node.CollectionView, error) {
	if d.Alias == "taken" {
		return node.CollectionView{}, comity.E(comity.Conflict, "collection add", d.Alias, comity.Msg("web.as_is", comity.A("text", "taken")), nil)
	}
	f.draft = d
	v, err := f.Collection(context.Background(), d.Alias)
	v.Alias = d.Alias
	return v, err
}
func (f *fake) DescribeCollection(_ context.Context, _ node.Actor, id, title, description string) error {
	f.note("describe", id, title, description)
	return f.fault
}
func (f *fake) SetCollectionQuery(_ context.Context, _ node.Actor, id, query string) error {
	f.note("query", id, query)
	return f.fault
}
func (f *fake) PreviewQuery(context.Context, string, int) (node.Preview, error) {
	return node.Preview{Found: f.versions(8), Looked: 24771, More: f.many > 0}, f.fault
}
func (f *fake) Members(_ context.Context, _ string, before int64, _ int) (node.MemberPage, error) {
	var p node.MemberPage
	for i, v := range f.versions(8) {
		p.Members = append(p.Members, store.Member{Seq: int64(24771 - i), Added: fakeNow.Add(-time.Hour), Last: i%3 > 0, Version: v})
	}
	if before == 0 && f.full {
		p.Next = 24764
	}
	return p, f.fault
}
func (f *fake) Collect(_ context.Context, _ node.Actor, alias string, ids []comity.ObjectID) error {
	f.note("add", alias, string(ids[0]))
	return f.fault
}
func (f *fake) Uncollect(_ context.Context, _ node.Actor, alias string, ids []comity.ObjectID) error {
	f.note("remove", alias, string(ids[0]))
	return f.fault
}
func (f *fake) OpenCollection(_ context.Context, _ node.Actor, id string, o node.Opening) error {
	f.note("open", id, string(o.To))
	f.opened = o
	return f.fault
}
func (f *fake) TaxiiRoots(context.Context) ([]node.TaxiiRoot, error) {
	roots := []node.TaxiiRoot{{Name: "api", MaxContentLength: 32 << 20}, {Name: "aigul"}}
	if f.full {
		roots = append(roots, node.TaxiiRoot{Name: "banks", Title: "For <banks>", Description: "x", MaxContentLength: 8 << 20})
	}
	return roots, f.fault
}
func (f *fake) PutTaxiiRoot(_ context.Context, _ node.Actor, root node.TaxiiRoot) error {
	f.note("root", root.Name, root.Title)
	return f.fault
}
func (f *fake) RemoveTaxiiRoot(_ context.Context, _ node.Actor, name string) error {
	f.note("unroot", name)
	return f.fault
}
func (f *fake) TaxiiReaders(context.Context, node.Actor) ([]node.TaxiiReader, error) {
	if !f.full {
		return nil, f.fault
	}
	const c = "0b9d3c5e-6a1f-4f3e-9a52-77d0c1f6a001"
	return []node.TaxiiReader{
		{Collection: c, Caller: "bank", Role: node.RoleCommunity, Last: fakeNow, LastPoll: fakeNow.Add(-3 * time.Minute), Position: 24000, Lag: 771, Requests: 812, Records: 20_111, Bytes: 31_000_000, Status: 200},
		{Collection: c, Caller: "anonymous", Role: node.RolePublic, LastPoll: fakeNow.Add(-3 * time.Hour), Position: 24771, Requests: 1, Status: 304},
		{Collection: c, Caller: "telecom", Role: node.RoleConstituent, Posts: 3, Requests: 3, Status: 403}}, f.fault
}
func (f *fake) TaxiiPosts(_ context.Context, _ node.Actor, after string, _ int) ([]node.TaxiiPost, error) {
	if !f.full || after != "" {
		return nil, f.fault
	}
	p, err := f.TaxiiPost(context.Background(), node.Actor{}, postID)
	q := p
	q.Collection, q.Failure, q.Rules, q.Caller = "gone", 0, nil, "مصرف"
	return []node.TaxiiPost{p, q}, err
}
func (f *fake) TaxiiPost(_ context.Context, _ node.Actor, id string) (node.TaxiiPost, error) {
	return node.TaxiiPost{ID: id, Import: "im-1", Collection: "0b9d3c5e-6a1f-4f3e-9a52-77d0c1f6a001", Root: "api", Caller: "telecom", Role: node.RoleConstituent, At: fakeNow.Add(-time.Hour),
		Success: 498, Failure: 2, Rules: []node.Count{{Name: "id-format", N: 2}}}, f.fault
}

func (f *fake) Feeds(context.Context) ([]node.FeedView, error) {
	if !f.full {
		return nil, f.fault
	}
	var out []node.FeedView
	for _, s := range []node.FeedState{node.FeedIdle, node.FeedPolling, node.FeedWaiting, node.FeedPaused, node.FeedFault} {
		v, _ := f.Feed(context.Background(), "feed-"+string(s))
		v.State = s
		out = append(out, v)
	}
	return out, f.fault
}
func (f *fake) Feed(_ context.Context, name string) (node.FeedView, error) {
	if name == "x" || name == "new" || strings.Contains(name, "none") {
		return node.FeedView{}, comity.E(comity.NotFound, "feed", name, comity.Msg("web.as_is", comity.A("text", "none")), nil)
	}
	v := node.FeedView{Feed: node.Feed{Name: name, URL: "https://taxii.example/taxii2/", Collection: "c", Every: 90 * time.Second}, State: node.FeedIdle}
	if f.full {
		why := comity.Msg("web.as_is", comity.A("text", "The server <b>refuses</b> the password."))
		v.Feed = node.Feed{Name: name, URL: "https://taxii.example/taxii2/", Root: "api", Collection: "91a7b528-80eb-42ed-a74d-c6fbd5a26116", Into: "phishing", Handling: comity.Amber,
			Every: 6 * time.Hour, Overlap: 10 * time.Minute, Types: []string{"indicator"}, User: "kz-cert", HasSecret: true, Paused: true, CAPEM: []byte("-----BEGIN"), Created: fakeNow}
		v.State, v.Fault, v.Behind = node.FeedFault, &why, true
		v.LastPoll, v.NextPoll, v.LastNew, v.Position = fakeNow.Add(-time.Minute), fakeNow.Add(time.Hour), fakeNow.Add(-time.Hour), fakeNow.Add(-time.Hour)
		v.LastImport, v.Polls, v.Accepted, v.Same, v.Refused = "im-1", 812, 24771, 12, 3
	}
	return v, f.fault
}
func (f *fake) PutFeed(_ context.Context, _ node.Actor, feed node.Feed, s node.FeedSecret) error {
	f.note("feed", feed.Name, feed.Every.String())
	f.feed, f.secret = feed, s
	return f.fault
}
func (f *fake) PauseFeed(_ context.Context, _ node.Actor, name string, paused bool) error {
	f.note("pause", name, strconv.FormatBool(paused))
	return f.fault
}
func (f *fake) RemoveFeed(_ context.Context, _ node.Actor, name string) error {
	f.note("unfeed", name)
	return f.fault
}
func (f *fake) StartPoll(_ context.Context, _ node.Actor, name string) (comity.Import, bool, error) {
	f.note("poll", name)
	return comity.Import{}, f.full, f.fault
}

func (f *fake) TaxiiAbout(context.Context) (node.TaxiiAbout, error) {
	if !f.full {
		return node.TaxiiAbout{}, f.fault
	}
	return node.TaxiiAbout{Contact: "soc@cert.example", Description: "Day <and> night"}, f.fault
}
func (f *fake) SetTaxiiAbout(_ context.Context, _ node.Actor, a node.TaxiiAbout) error {
	f.note("about", a.Contact, a.Description)
	return f.fault
}
