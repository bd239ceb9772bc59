package web

import (
	"strings"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
	"github.com/comity-net/comity/store"
)

// feedsPage lists what this node reads from others' TAXII servers.
type feedsPage struct {
	frame
	List []node.FeedView
}

func (feedsPage) name() string { return "feeds" }

func (w *Web) feedList(r *request) (view, error) {
	list, err := w.node.Feeds(r.Context())
	if err != nil {
		return nil, err
	}
	v := &feedsPage{List: list}
	v.Title, v.Section = r.p.T(comity.Msg("web.nav.feeds")), "feeds"
	for _, f := range list {
		if f.State == node.FeedPolling {
			v.Renew = renewEvery
		}
	}
	return v, nil
}

// feedPage is one feed: where it stands and what it brought.
type feedPage struct {
	frame
	node.FeedView
	Path  string
	Label string // of objects that carry none; "" for the default of this node
}

func (feedPage) name() string { return "feed" }

func feedPath(name string) string { return "/feeds/" + escapePath(name) }

func (w *Web) feedShow(r *request) (view, error) {
	f, err := w.node.Feed(r.Context(), r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	v := &feedPage{FeedView: f, Path: feedPath(f.Name), Label: f.Handling.String()}
	v.Title, v.Section, v.Here = f.Name, "feeds", v.Path
	v.Crumbs = feedCrumbs(r)
	if f.State == node.FeedPolling && r.problem == nil {
		v.Renew = renewEvery
	}
	return v, nil
}

func feedCrumbs(r *request) []crumb {
	return []crumb{{r.p.T(comity.Msg("web.nav.feeds")), "/feeds"}}
}

// feedChange carries something out and shows the feed, or why it was not.
func (w *Web) feedChange(r *request, do func(name string) (done string, err error)) (view, error) {
	if err := r.form(); err != nil {
		return nil, err
	}
	name := r.PathValue("name")
	done, err := do(name)
	if err != nil {
		r.problem = err
		return w.feedShow(r)
	}
	return redirect{to: feedPath(name), done: done}, nil
}

// feedPoll reads the feed now. One that takes long goes on behind the page.
func (w *Web) feedPoll(r *request) (view, error) {
	return w.feedChange(r, func(name string) (string, error) {
		_, ended, err := w.node.StartPoll(r.Context(), r.actor(), name)
		if !ended {
			return "", err
		}
		return "feed_polled", err
	})
}

func (w *Web) feedPause(r *request) (view, error) {
	return w.feedChange(r, func(name string) (string, error) {
		if r.PostFormValue("resume") == "yes" {
			return "feed_resumed", w.node.PauseFeed(r.Context(), r.actor(), name, false)
		}
		return "feed_paused", w.node.PauseFeed(r.Context(), r.actor(), name, true)
	})
}

func (w *Web) feedRemoveForm(r *request) (view, error) {
	f, err := w.node.Feed(r.Context(), r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	back := feedPath(f.Name)
	v := &confirmPage{Key: "feed_remove", Who: f.Name, Action: back + "/remove", Back: back}
	v.Title, v.Section = r.p.T(comity.Msg("web.confirm.feed_remove.title", comity.A("name", f.Name))), "feeds"
	v.Crumbs = append(feedCrumbs(r), crumb{f.Name, back})
	return v, nil
}

func (w *Web) feedRemove(r *request) (view, error) {
	if err := w.node.RemoveFeed(r.Context(), r.actor(), r.PathValue("name")); err != nil {
		r.problem = err
		return w.feedShow(r)
	}
	return redirect{to: "/feeds", done: "feed_removed"}, nil
}

// feedFormPage makes a feed or changes one. What the feed signs in with is
// never shown: only that it is there.
type feedFormPage struct {
	frame
	Feed           node.Feed
	New            bool
	Action, Back   string
	Every, Overlap string // as in 15m
	Types, CA      string
	TLP            string
	Forget         bool // the kept credentials
	Collections    []store.Collection
}

func (feedFormPage) name() string { return "feed_form" }

func (w *Web) feedNew(r *request) (view, error) {
	v := &feedFormPage{New: true, Action: "/feeds/new", Back: "/feeds", Every: "15m", Overlap: "0s"}
	v.Title, v.Here, v.Crumbs = r.p.T(comity.Msg("web.feed.new")), v.Action, feedCrumbs(r)
	return w.feedForm(r, v)
}

func (w *Web) feedEdit(r *request) (view, error) {
	f, err := w.node.Feed(r.Context(), r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	back := feedPath(f.Name)
	v := &feedFormPage{Feed: f.Feed, Action: back + "/edit", Back: back, Every: span(f.Every), Overlap: span(f.Overlap),
		Types: strings.Join(f.Types, ", "), CA: string(f.CAPEM), TLP: f.Handling.String()}
	v.Title, v.Here, v.Crumbs = r.p.T(comity.Msg("web.feed.edit")), v.Action, append(feedCrumbs(r), crumb{f.Name, back})
	return w.feedForm(r, v)
}

// feedForm fills in what both forms share, and what was typed before; what is
// secret is typed again.
func (w *Web) feedForm(r *request, v *feedFormPage) (view, error) {
	v.Section = "feeds"
	if f := r.PostForm; f != nil {
		if v.New {
			v.Feed.Name = strings.TrimSpace(f.Get("name"))
		}
		v.Feed.URL, v.Feed.Root, v.Feed.Collection = strings.TrimSpace(f.Get("url")), strings.TrimSpace(f.Get("root")), strings.TrimSpace(f.Get("collection"))
		v.Feed.Into, v.Feed.Host, v.Feed.User = strings.TrimSpace(f.Get("into")), strings.TrimSpace(f.Get("host")), strings.TrimSpace(f.Get("user"))
		v.Every, v.Overlap, v.Types, v.CA = strings.TrimSpace(f.Get("every")), strings.TrimSpace(f.Get("overlap")), f.Get("types"), f.Get("ca")
		v.TLP, v.Forget = f.Get("tlp"), f.Get("forget") == "yes"
		v.Feed.Spec20, v.Feed.Upgrade = f.Get("spec20") == "yes", f.Get("upgrade") == "yes"
	}
	var err error
	v.Collections, err = w.node.Collections(r.Context())
	return v, err
}

func (w *Web) feedMake(r *request) (view, error) { return w.feedPut(r, w.feedNew) }

func (w *Web) feedSave(r *request) (view, error) { return w.feedPut(r, w.feedEdit) }

// feedPut carries either form out. A new name that is taken is refused: it would
// change the other feed.
func (w *Web) feedPut(r *request, form handler) (view, error) {
	if err := r.form(); err != nil {
		return nil, err
	}
	page, err := form(r)
	if err != nil {
		return nil, err
	}
	v := page.(*feedFormPage)
	if v.New {
		if _, err := w.node.Feed(r.Context(), v.Feed.Name); err == nil {
			r.problem = comity.E(comity.Conflict, "feed", v.Feed.Name, comity.Msg("web.feed.taken", comity.A("name", v.Feed.Name)), nil)
			return v, nil
		}
	}
	f, err := v.feed()
	if err == nil {
		err = w.node.PutFeed(r.Context(), r.actor(), f, secretOf(r))
	}
	if err != nil {
		r.problem = err
		return v, nil
	}
	return redirect{to: feedPath(f.Name), done: "feed_saved"}, nil
}

// feed reads what was typed.
func (v *feedFormPage) feed() (node.Feed, error) {
	f := v.Feed
	var err error
	if f.Every, err = time.ParseDuration(v.Every); err != nil {
		return f, badSpan(v.Feed.Name, v.Every)
	}
	if f.Overlap, err = time.ParseDuration(v.Overlap); err != nil && v.Overlap != "" {
		return f, badSpan(v.Feed.Name, v.Overlap)
	}
	ok := true
	if f.Handling = comity.Unmarked; v.TLP != "" {
		f.Handling, ok = comity.ParseTLP(v.TLP)
	}
	if !ok {
		return f, comity.E(comity.Usage, "feed", v.Feed.Name, comity.Msg("web.withdraw.no_label"), nil)
	}
	f.Types, f.CAPEM = wordsIn(v.Types), []byte(unixLines(v.CA))
	if v.Forget {
		f.HasSecret = false
	}
	return f, nil
}

func badSpan(name, text string) error {
	return comity.E(comity.Usage, "feed", name, comity.Msg("web.feed.bad_span", comity.A("text", cut(text, 40))), nil)
}

// secretOf reads what the feed signs in with.
func secretOf(r *request) node.FeedSecret {
	return node.FeedSecret{
		Password: r.PostForm.Get("password"), Token: strings.TrimSpace(r.PostForm.Get("token")),
		CertPEM: []byte(unixLines(r.PostForm.Get("cert"))), KeyPEM: []byte(unixLines(r.PostForm.Get("key"))),
	}
}

// span writes a time between polls as it is typed: 15m, not 15m0s.
func span(d time.Duration) string {
	s := d.String()
	if d >= time.Minute && strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if d >= time.Hour && strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
