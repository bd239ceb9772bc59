package storetest

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

const (
	killEnv     = "COMITY_KILLTEST" // names the database in the child process
	killWriters = 3
	killObjects = 4 // objects, members and entries of one unit
)

// OpenAt opens the store that a name (path, URL) stands for.
type OpenAt func(ctx context.Context, name string) (store.Store, error)

// Kill lets a child process write to the store called name and acknowledge each
// commit on its standard output, kills it with SIGKILL at random moments, and
// checks after each that everything acknowledged is there and nothing is half
// done. test is the name of the calling test, which the child runs again.
func Kill(t *testing.T, test string, rounds int, name func() string, open OpenAt) {
	if child := os.Getenv(killEnv); child != "" {
		killChild(t, child, open)
		return
	}
	if testing.Short() {
		rounds = min(rounds, 3)
	}
	db := name()
	acked := make([]int, killWriters)
	for round := range rounds {
		killRound(t, test, db, acked)
		s, err := open(t.Context(), db)
		if err != nil {
			t.Fatalf("round %d: open after kill: %v", round, err)
		}
		killVerify(&kit{T: t, s: s, ctx: t.Context()}, acked)
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	total := 0
	for _, n := range acked {
		total += n
	}
	if total == 0 {
		t.Error("nothing was ever acknowledged: the test proves nothing")
	}
	t.Logf("%d rounds, %d units acknowledged", rounds, total)
}

// killRound runs a child until it is killed and notes what it acknowledged.
func killRound(t *testing.T, test, db string, acked []int) {
	cmd := exec.Command(os.Args[0], "-test.run=^"+test+"$", "-test.v=false")
	cmd.Env = append(os.Environ(), killEnv+"="+db)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var kill *time.Timer
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if kill == nil { // counted from its first commit, so that each round tests something
			kill = time.AfterFunc(time.Duration(rand.IntN(250))*time.Millisecond, func() { _ = cmd.Process.Kill() })
		}
		w, n, ok := strings.Cut(lines.Text(), " ")
		writer, err := strconv.Atoi(w)
		number, err2 := strconv.Atoi(n)
		if !ok || err != nil || err2 != nil || writer >= killWriters {
			t.Logf("child: %s", lines.Text())
			continue
		}
		acked[writer] = max(acked[writer], number)
	}
	if err := cmd.Wait(); err == nil || kill == nil {
		t.Fatalf("the child ended by itself: %v", err)
	}
}

// killChild writes until it is killed.
func killChild(t *testing.T, db string, open OpenAt) {
	ctx := context.Background()
	s, err := open(ctx, db)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for w := range killWriters {
		wg.Go(func() {
			for {
				n, err := killUnit(ctx, s, w)
				if err != nil {
					fmt.Println("unit failed:", err)
					return
				}
				fmt.Println(w, n) // standard output is not buffered: this is the acknowledgement
			}
		})
	}
	wg.Wait()
	t.Fatal("all writers ended")
}

// killUnit does one unit of everything and returns its number.
func killUnit(ctx context.Context, s store.Store, w int) (n int, err error) {
	name, ch := fmt.Sprint("writer", w), comity.ChannelID(fmt.Sprint("ch", w))
	return n, s.Update(ctx, func(tx store.Tx) error {
		n, err = killCount(ctx, tx, name)
		if err != nil {
			return err
		}
		if n == 0 {
			if err := tx.CreateChannel(ctx, newChannel(string(ch), true)); err != nil {
				return err
			}
			if err := tx.PutCollection(ctx, store.Collection{ID: "col", Created: t0()}); err != nil {
				return err
			}
		}
		var objs []comity.Object
		for i := range killObjects {
			objs = append(objs, object(fmt.Sprintf("indicator--%d-%d-%d", w, n, i), 1))
		}
		puts, err := tx.PutObjects(ctx, local(), objs)
		if err != nil {
			return err
		}
		var oids []store.OID
		var entries []store.Entry
		for i, p := range puts {
			oids = append(oids, p.OID)
			entries = append(entries, entry(fmt.Sprint(n, "-", i), p.OID, string(objs[i].ID)))
		}
		if err := tx.AddMembers(ctx, "col", oids, t0()); err != nil {
			return err
		}
		size := int64(n * killObjects)
		if err := tx.AppendEntries(ctx, ch, head(size), entries, nil, head(size+killObjects)); err != nil {
			return err
		}
		n++
		return tx.PutSetting(ctx, name, []byte(strconv.Itoa(n)))
	})
}

func killCount(ctx context.Context, r store.SettingReader, name string) (int, error) {
	b, err := r.Setting(ctx, name)
	if comity.Is(err, comity.NotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(b))
}

// killVerify checks that the acknowledged units are there, and of every unit
// all or nothing.
func killVerify(k *kit, acked []int) {
	units := 0
	k.view(func(r store.Reader) error {
		for w, least := range acked {
			n, err := killCount(k.ctx, r, fmt.Sprint("writer", w))
			if err != nil {
				return err
			}
			if n < least {
				k.Errorf("writer %d: %d units are there, %d were acknowledged", w, n, least)
			}
			units += n
			if n == 0 {
				continue
			}
			c, err := r.Channel(k.ctx, comity.ChannelID(fmt.Sprint("ch", w)))
			if err != nil {
				return err
			}
			if c.Head != head(int64(n*killObjects)) {
				k.Errorf("writer %d: %d units, channel of %d", w, n, c.Head.Size)
			}
			for unit, want := range map[int]bool{0: true, n - 1: true, n: false} {
				for i := range killObjects {
					_, err := r.Object(k.ctx, comity.ObjectID(fmt.Sprintf("indicator--%d-%d-%d", w, unit, i)))
					if (err == nil) != want {
						k.Errorf("writer %d of %d units: object %d of unit %d: %v", w, n, i, unit, err)
					}
				}
			}
		}
		c, err := r.Collection(k.ctx, "col")
		if err != nil {
			return err
		}
		if c.Size != int64(units*killObjects) {
			k.Errorf("%d units, collection of %d", units, c.Size)
		}
		sums, err := r.Rollups(k.ctx, time.Time{}, time.Time{})
		if len(sums) != 1 || sums[0].N != int64(units*killObjects) {
			k.Errorf("%d units, roll-ups %+v", units, sums)
		}
		return err
	})
	k.clean()
}
