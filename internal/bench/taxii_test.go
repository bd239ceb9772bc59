package bench

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/comity-net/comity/internal/testkit/data"
	"github.com/comity-net/comity/internal/testkit/pg"
)

var server pg.Lazy

// TestMain is also the baseline's process: the test program starts itself.
func TestMain(m *testing.M) {
	if dir := os.Getenv("COMITY_BASELINE"); dir != "" {
		if err := serveBaseline(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	pg.Main(m, &server)
}

// serveBaseline serves the plain server, with TLS if dir holds a certificate, and
// prints its address.
func serveBaseline(dir string) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	srv := &http.Server{Handler: newBaseline(), ReadHeaderTimeout: time.Minute}
	context.AfterFunc(ctx, func() { _ = srv.Close() })
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if os.Getenv("COMITY_BASELINE_TLS") != "" {
		fmt.Printf("{\"url\":\"https://%s\"}\n", ln.Addr())
		err = srv.ServeTLS(ln, cert, key)
	} else {
		fmt.Printf("{\"url\":\"http://%s\"}\n", ln.Addr())
		err = srv.Serve(ln)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// TestSideBySide measures the built program and the plain server. It asserts no
// figure: it prints a table. COMITY_BENCH=1 turns it on, COMITY_BIN names the
// binary, COMITY_BENCH_GROW=1000000 also lets the collection grow to so many.
func TestSideBySide(t *testing.T) {
	bin := os.Getenv("COMITY_BIN")
	if os.Getenv("COMITY_BENCH") == "" || bin == "" {
		t.Skip("COMITY_BENCH=1 and COMITY_BIN are not set (make bench-taxii does)")
	}
	r := &run{t: t, bin: bin, dir: t.TempDir(), objects: objects(t)}
	r.certificate()
	for _, o := range r.objects {
		r.raw += int64(len(o))
	}
	t.Logf("%d objects of %d bytes on average; loopback carries %.1f GB/s", len(r.objects), r.raw/int64(len(r.objects)), loopback(t))
	plain := r.measure(subject{name: "plain"})
	cols := []column{{"plain, memory", plain}, {"Comity, SQLite", r.measure(subject{name: "sqlite", comity: true})}}
	t.Run("postgres", func(t *testing.T) {
		cols = append(cols, column{"Comity, PostgreSQL", r.measure(subject{name: "postgres", comity: true, db: server.Database(t)})})
	})
	t.Log("\n" + table(cols))
}

// objects are those of the optional ATT&CK set, or as many made ones.
func objects(t *testing.T) [][]byte {
	t.Helper()
	const set = "stix/attack-enterprise-18.1.json.gz"
	var out [][]byte
	if _, ok := data.Find(set); !ok {
		t.Logf("optional test data %s is absent: measured with made objects", set)
		for i := range 24_771 {
			out = append(out, made(i, 900))
		}
		return out
	}
	var in struct{ Objects []json.RawMessage }
	if err := json.NewDecoder(data.Open(t, set)).Decode(&in); err != nil {
		t.Fatal(err)
	}
	for _, raw := range in.Objects {
		var c bytes.Buffer
		if err := json.Compact(&c, raw); err != nil {
			t.Fatal(err)
		}
		out = append(out, c.Bytes())
	}
	return out
}

func made(i, pad int) []byte {
	return fmt.Appendf(nil, `{"type":"indicator","spec_version":"2.1","id":"indicator--00000000-0000-4000-8000-%012d","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","description":"%s","pattern":"[ipv4-addr:value = '10.%d.%d.%d']","pattern_type":"stix","valid_from":"2026-01-01T00:00:00Z"}`,
		i, strings.Repeat("x", pad), i>>16&255, i>>8&255, i&255)
}

// loopback says how many GB a second one connection carries.
func loopback(t *testing.T) float64 {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := ln.Accept()
		if err != nil {
			return
		}
		buf := make([]byte, 256<<10)
		for end := time.Now().Add(time.Second); time.Now().Before(end); {
			if _, err := c.Write(buf); err != nil {
				break
			}
		}
		_ = c.Close()
	}()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	n, _ := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{c}, make([]byte, 256<<10))
	_ = c.Close()
	<-done
	return float64(n) / 1e9 / time.Since(began).Seconds()
}

// run is one measurement of all.
type run struct {
	t       *testing.T
	bin     string
	dir     string
	objects [][]byte
	raw     int64
	roots   *x509.CertPool
}

// subject is a server to measure.
type subject struct {
	name   string
	comity bool
	db     string
}

func (r *run) certificate() {
	r.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		r.t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		r.t.Fatal(err)
	}
	pk, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		r.t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	r.roots = x509.NewCertPool()
	r.roots.AppendCertsFromPEM(cert)
	for name, b := range map[string][]byte{"cert.pem": cert, "key.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pk})} {
		if err := os.WriteFile(filepath.Join(r.dir, name), b, 0o600); err != nil {
			r.t.Fatal(err)
		}
	}
}

// command runs the binary to its end.
func (r *run) command(s subject, stdin string, args ...string) string {
	r.t.Helper()
	args = append(args, "--data", s.name)
	cmd := exec.Command(r.bin, args...)
	cmd.Dir, cmd.Stdin = r.dir, strings.NewReader(stdin)
	cmd.Env = append(os.Environ(), "COMITY_PASSWORD="+basePass, "COMITY_DB="+s.db)
	out, err := cmd.Output()
	if err != nil {
		r.t.Fatalf("%v: %v %s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// serve starts a server's process and gives a client of it.
func (r *run) serve(s subject, tls bool) *client {
	r.t.Helper()
	var cmd *exec.Cmd
	if s.comity {
		args := []string{"serve", "--data", s.name, "--listen", "127.0.0.1:0", "--federation-listen", "127.0.0.1:0", "--taxii-anonymous", "--json"}
		if tls {
			args = append(args, "--tls-cert", "cert.pem", "--tls-key", "key.pem")
		}
		cmd = exec.Command(r.bin, args...)
		cmd.Env = append(os.Environ(), "COMITY_DB="+s.db)
	} else {
		cmd = exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "COMITY_BASELINE="+r.dir)
		if tls {
			cmd.Env = append(cmd.Env, "COMITY_BASELINE_TLS=1")
		}
	}
	cmd.Dir, cmd.Stderr = r.dir, os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	c := r.client()
	c.stop = func() { _ = cmd.Process.Signal(os.Interrupt); _ = cmd.Wait(); c.close() }
	var at struct{ URL string }
	if err := json.NewDecoder(out).Decode(&at); err != nil {
		c.stop()
		r.t.Fatal(err)
	}
	c.base, c.pid = at.URL, cmd.Process.Pid
	return c
}

var resident = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// memory is the most that a process had resident, in MB; 0 where not known.
func memory(pid int) float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	m := resident.FindSubmatch(b)
	if m == nil {
		return 0
	}
	kb, _ := strconv.ParseFloat(string(m[1]), 64)
	return kb / 1024
}

// disk is what a folder occupies, in bytes.
func disk(dir string) int64 {
	var n int64
	_ = filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		if fi, err := d.Info(); err == nil {
			n += fi.Size()
		}
		return nil
	})
	return n
}
