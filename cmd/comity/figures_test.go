package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/comity-net/comity/internal/testkit/data"
)

// TestFigures measures the built program, as `make bench` asks: it asserts no
// figure, it prints them. COMITY_BENCH=1 turns it on, COMITY_BIN names the
// binary, COMITY_DATA_SETS the folder of real data (default ../shared/data
// beside the project); without that folder generated values are used.
func TestFigures(t *testing.T) {
	bin := os.Getenv("COMITY_BIN")
	if os.Getenv("COMITY_BENCH") == "" || bin == "" {
		t.Skip("COMITY_BENCH=1 and COMITY_BIN are not set (make bench does)")
	}
	fi, err := os.Stat(bin)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("binary                       %6.1f MB", float64(fi.Size())/1e6)
	b := &bench{t: t, bin: bin, dir: t.TempDir()}
	b.start("north", "")
	b.start("south", "")
	b.idle()
	b.pair("north", "south")
	var objects int64
	objects += b.imports("ATT&CK bundle", b.data("stix/attack-enterprise-18.1.json.gz"))
	objects += b.imports("100,000 indicators", b.indicators(100_000))
	b.exchange("loopback", "south", objects)
	b.lookups()
	if os.Getenv("COMITY_BENCH_SLOW") != "0" {
		b.start("far", b.slow())
		b.pair("north", "far")
		b.exchange("150 ms per request", "far", objects)
	}
	b.memory()
}

// bench is one run: processes of the binary and the folder of their nodes.
type bench struct {
	t     *testing.T
	bin   string
	dir   string
	pages map[string]string // node → URL of its pages
	peers map[string]string // node → address of its federation listener
	pid   map[string]int
	url   map[string]string // node → the address that others are given
}

// run runs a command and returns standard output; exit code 7 is fine.
func (b *bench) run(args ...string) []byte {
	b.t.Helper()
	cmd := exec.Command(b.bin, args...)
	cmd.Dir = b.dir
	var errb bytes.Buffer
	cmd.Stderr = &errb
	out, err := cmd.Output()
	if err != nil && cmd.ProcessState.ExitCode() != 7 {
		b.t.Fatalf("%v: %v\n%s", args, err, errb.String())
	}
	return out
}

// start makes and serves a node; via is an address that leads to its
// federation listener, "" for itself.
func (b *bench) start(name, via string) {
	b.t.Helper()
	if b.pages == nil {
		b.pages, b.peers, b.pid, b.url = map[string]string{}, map[string]string{}, map[string]int{}, map[string]string{}
	}
	b.run("init", "--data", name, "--name", name, "--json")
	cmd := exec.Command(b.bin, "serve", "--data", name, "--listen", "127.0.0.1:0", "--federation-listen", "127.0.0.1:0", "--json")
	cmd.Dir = b.dir
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = cmd.Process.Signal(os.Interrupt); _ = cmd.Wait() })
	var s serving
	if err := json.NewDecoder(out).Decode(&s); err != nil {
		b.t.Fatal(err)
	}
	res, err := http.Get(s.URL + "/healthz")
	if err != nil || res.StatusCode != http.StatusOK {
		b.t.Fatal(err, res)
	}
	_ = res.Body.Close()
	b.t.Logf("start to serving (%s)      %6.0f ms", name, float64(time.Since(began).Microseconds())/1e3)
	b.pages[name], b.peers[name], b.pid[name] = s.URL, s.Federation, cmd.Process.Pid
	b.url[name] = "https://" + s.Federation
}

var rss = regexp.MustCompile(`(VmHWM|VmRSS):\s+(\d+) kB`)

func (b *bench) status(name string) string {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.pid[name]))
	if err != nil {
		return "not known on this system"
	}
	var out []string
	for _, m := range rss.FindAllSubmatch(raw, -1) {
		kb, _ := strconv.Atoi(string(m[2]))
		out = append(out, fmt.Sprintf("%s %d MB", m[1], kb/1000))
	}
	return strings.Join(out, ", ")
}

func (b *bench) idle() {
	time.Sleep(3 * time.Second)
	b.t.Logf("idle                         %s", b.status("north"))
}

func (b *bench) memory() {
	for name := range b.pid {
		b.t.Logf("after all (%s)            %s", name, b.status(name))
	}
}

func (b *bench) pair(one, two string) {
	b.t.Helper()
	b.run("peer", "add", b.url[two], "--data", one)
	b.run("peer", "add", b.url[one], "--data", two)
	code := strings.TrimSpace(string(b.run("peer", "code", two, "--data", one)))
	b.run("peer", "verify", two, code, "--data", one)
	b.run("peer", "verify", one, code, "--data", two)
	draft := b.run("agreement", "template", "bilateral", "--peer", two, "--data", one)
	file := filepath.Join(b.dir, two+".json")
	if err := os.WriteFile(file, draft, 0o600); err != nil {
		b.t.Fatal(err)
	}
	b.run("agreement", "propose", file, "--data", one)
	b.until(func() bool {
		return bytes.Contains(b.run("agreement", "list", "--data", two, "--json"), []byte(`"mine_missing":true`))
	})
	b.run("agreement", "sign", "--yes", "--data", two)
	b.until(func() bool {
		return strings.Count(string(b.run("agreement", "list", "--data", one, "--json")), `"state":"active"`) == len(b.pid)-1
	})
}

func (b *bench) until(ok func() bool) {
	b.t.Helper()
	for end := time.Now().Add(10 * time.Minute); !ok(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatal("waited ten minutes")
		}
	}
}

// data returns the path of a real data file, "" if it is not there.
func (b *bench) data(name string) string {
	p, ok := data.Find(name)
	if !ok {
		b.t.Logf("optional test data %s is absent: left out", name)
		return ""
	}
	return p
}

func (b *bench) indicators(n int) string {
	var s strings.Builder
	for i := range n {
		fmt.Fprintf(&s, "10.%d.%d.%d\n", i>>16&255, i>>8&255, i&255)
	}
	p := filepath.Join(b.dir, "indicators.txt")
	if err := os.WriteFile(p, []byte(s.String()), 0o600); err != nil {
		b.t.Fatal(err)
	}
	return p
}

func (b *bench) imports(what, path string) int64 {
	b.t.Helper()
	if path == "" {
		return 0
	}
	began := time.Now()
	var im struct{ Accepted, Refused int64 }
	if err := json.Unmarshal(b.run("import", path, "--tlp", "green", "--data", "north", "--json"), &im); err != nil {
		b.t.Fatal(err)
	}
	s := time.Since(began).Seconds()
	b.t.Logf("import %-22s%6.0f objects/s (%d accepted, %d refused, %.2f s with start)", what, float64(im.Accepted)/s, im.Accepted, im.Refused, s)
	return im.Accepted
}

// exchange shares all with the member and waits until it holds everything,
// verified and stored.
func (b *bench) exchange(what, to string, objects int64) {
	b.t.Helper()
	id := b.agreement(to)
	began := time.Now()
	b.run("share", "--query", "all", "--with", id, "--data", "north", "--json", "-q")
	shared := time.Since(began).Seconds()
	want := b.entries("north", to, true)
	b.until(func() bool { return b.entries(to, to, false) >= want })
	s := time.Since(began).Seconds()
	b.t.Logf("share %-23s%6.0f objects/s (%d entries in %.1f s)", what, float64(want)/shared, want, shared)
	b.t.Logf("exchange %-20s%6.0f objects/s, shared, verified and stored (%.1f s)", what, float64(want)/s, s)
	if want < objects {
		b.t.Errorf("only %d of %d objects were shared", want, objects)
	}
}

func (b *bench) agreement(with string) string {
	for line := range bytes.Lines(b.run("agreement", "list", "--data", "north", "--json")) {
		var a struct{ ID, Title string }
		if json.Unmarshal(line, &a) == nil && strings.Contains(a.Title, with) {
			return a.ID
		}
	}
	b.t.Fatalf("no agreement with %s", with)
	return ""
}

// entries sums the entries of north's channels for a member, as a node has them.
func (b *bench) entries(at, member string, own bool) int64 {
	var n int64
	for line := range bytes.Lines(b.run("ledger", "list", "--data", at, "--json")) {
		var c struct {
			Title   string
			Own     bool
			Entries int64
		}
		if json.Unmarshal(line, &c) == nil && c.Own == own && strings.Contains(c.Title, member) {
			n += c.Entries
		}
	}
	return n
}

func (b *bench) lookups() {
	b.t.Helper()
	cmd := exec.Command(b.bin, "user", "add", "bench", "--no-password", "--data", "south")
	cmd.Dir = b.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		b.t.Fatalf("%v %s", err, out)
	}
	tok := strings.TrimSpace(string(b.run("token", "add", "bench", "--data", "south", "-q")))
	const n = 2000
	var worst, total time.Duration
	for i := range n {
		req, _ := http.NewRequest(http.MethodGet, fmt.Sprintf("%s/api/v1/find?value=10.0.%d.%d", b.pages["south"], i>>8&255, i&255), nil)
		req.Header.Set("Authorization", "Bearer "+tok)
		began := time.Now()
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			b.t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		took := time.Since(began)
		total, worst = total+took, max(worst, took)
		if !bytes.Contains(body, []byte("indicator--")) {
			b.t.Fatalf("%s", body)
		}
	}
	b.t.Logf("lookup over HTTP             %6.0f µs mean, %.1f ms worst of %d", float64((total / n).Microseconds()), float64(worst.Microseconds())/1e3, n)
}

// slow returns the address of a relay before north that adds 75 ms to each
// direction, and makes it the address that the next node is given.
func (b *bench) slow() string {
	b.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = l.Close() })
	target := b.peers["north"]
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			up, err := net.Dial("tcp", target)
			if err != nil {
				_ = c.Close()
				continue
			}
			go delay(up, c)
			go delay(c, up)
		}
	}()
	b.url["north"] = "https://" + l.Addr().String()
	return b.url["north"]
}

// delay copies with 75 ms between reading and writing, as a long line does: it
// does not make the line narrower.
func delay(dst, src net.Conn) {
	type part struct {
		b  []byte
		at time.Time
	}
	line := make(chan part, 4096)
	go func() {
		defer close(line)
		for {
			buf := make([]byte, 32<<10)
			n, err := src.Read(buf)
			if n > 0 {
				line <- part{buf[:n], time.Now().Add(75 * time.Millisecond)}
			}
			if err != nil {
				return
			}
		}
	}()
	for p := range line {
		time.Sleep(time.Until(p.at))
		if _, err := dst.Write(p.b); err != nil {
			break
		}
	}
	_ = dst.Close()
	for range line { // let the reader end
	}
}
