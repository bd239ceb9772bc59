package node_test

import (
	"context"
	"math/rand/v2"
	"net/http"
	"os"
	osexec "os/exec"
	"testing"
	"time"

	"github.com/comity-net/comity/node"
)

const feedKillEnv = "COMITY_FEEDKILL" // names the folder in the child process

// TestFeedKilled: the process that polls is killed with SIGKILL at random moments,
// within and between pages. Whatever the moment, nothing is lost or comes twice.
//
// INVARIANT: the position moves in the transaction that stores what it passes.
func TestFeedKilled(t *testing.T) {
	if dir := os.Getenv(feedKillEnv); dir != "" {
		ahead, _ := time.ParseDuration(os.Getenv(feedKillEnv + "_AHEAD"))
		n, err := node.Open(t.Context(), node.Config{Dir: dir, Now: func() time.Time { return time.Now().UTC().Add(ahead) }})
		if err != nil {
			t.Fatal(err)
		}
		n.PollFeed(t.Context(), admin, "f")
		n.Close()
		return
	}
	const all, size = 3000, 100
	rounds := 8
	if testing.Short() {
		rounds = 3
	}
	srv, n := pagesOf(t, all, size), stillNode(t)
	put(t, n.Node, node.Feed{Name: "f", URL: srv.URL + "/api/", Into: "feed", Overlap: 5 * time.Second}, node.FeedSecret{})
	n.Close()
	moved := 0
	for round := range rounds {
		// The lease of the dead is waited for; here time is made to pass.
		feedKillRound(t, srv, n.dir, time.Duration(round)*10*time.Minute)
		n = reopen(t, n.dir, &standing{t: time.Now().UTC()})
		v := feedOf(t, n.Node, "f")
		c, err := n.Collection(t.Context(), "feed")
		if err != nil || c.Size != v.Accepted {
			t.Fatalf("%d stored, %d counted: %v", c.Size, v.Accepted, err)
		}
		if !v.Position.IsZero() || v.Accepted > 0 {
			moved++
		}
		n.Close()
	}
	if moved == 0 {
		t.Error("no page was ever stored before a kill: the test proves nothing")
	}
	srv.before(nil)
	n = reopen(t, n.dir, &standing{t: time.Now().UTC().Add(24 * time.Hour)})
	polled(t, n.Node, "f")
	brought(t, n.Node, all)
	ims, err := n.Imports(t.Context(), "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, im := range ims {
		if im.State == "running" {
			t.Errorf("an import still runs: %+v", im)
		}
	}
}

// feedKillRound lets a child poll and kills it in or after one of its pages.
func feedKillRound(t *testing.T, srv *pages, dir string, ahead time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	last, reached := 1+rand.IntN(4), make(chan struct{})
	srv.mu.Lock()
	srv.served = 0
	srv.mu.Unlock()
	srv.before(func(_ http.ResponseWriter, r *http.Request, page int) bool {
		if page == last {
			close(reached)
		}
		if page > last { // a bound, so that a child that is not killed in time does not finish
			<-r.Context().Done()
		}
		return false
	})
	cmd := osexec.CommandContext(ctx, os.Args[0], "-test.run=^TestFeedKilled$", "-test.count=1")
	cmd.Env = append(os.Environ(), feedKillEnv+"="+dir, feedKillEnv+"_AHEAD="+ahead.String())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-reached:
	case <-ctx.Done():
		t.Fatal("the child asked for nothing")
	}
	time.Sleep(time.Duration(rand.IntN(15)) * time.Millisecond)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}
