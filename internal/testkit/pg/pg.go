// Package pg starts a private PostgreSQL for the tests of one process: its own
// data folder, its own socket, gone at the end.
//
// COMITY_TEST_POSTGRES names a server to use instead (a URL of a user who may
// create databases). Without it the server binaries of the machine are used;
// on Debian, as root, they are installed when absent.
package pg

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

const oldest = 15 // the first version that Comity supports

// Server is a running PostgreSQL.
type Server struct {
	url   string // of the database postgres
	dir   string
	cmd   *exec.Cmd
	ended chan struct{} // closed when the process has ended
	next  atomic.Int64
}

// Main runs a package's tests with a server that starts when first asked for
// and is stopped at the end: func TestMain(m *testing.M) { pg.Main(m, &server) }.
func Main(m *testing.M, l *Lazy) {
	code := m.Run()
	l.stop()
	os.Exit(code)
}

// Lazy is a server that starts when a test first asks for a database.
type Lazy struct {
	once   sync.Once
	server *Server
	err    error
}

// Database creates an empty database and returns its URL. Where no server can
// be had the test is skipped, or fails when CI is "true".
func (l *Lazy) Database(t testing.TB) string {
	t.Helper()
	l.once.Do(func() { l.server, l.err = start() })
	if l.err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no PostgreSQL: %v", l.err)
		}
		t.Skipf("no PostgreSQL: %v", l.err)
	}
	name := fmt.Sprintf("comity_%d_%d", os.Getpid(), l.server.next.Add(1))
	if err := l.server.exec("CREATE DATABASE " + name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if l.server.dir != "" {
			return // it goes with the server's folder, which is quicker
		}
		if err := l.server.exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(l.server.url)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

func (l *Lazy) stop() {
	if l.server != nil {
		l.server.stop()
	}
}

func (s *Server) exec(sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := pgx.Connect(ctx, s.url)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	_, err = c.Exec(ctx, sql)
	return err
}

func start() (*Server, error) {
	if u := os.Getenv("COMITY_TEST_POSTGRES"); u != "" {
		return &Server{url: u}, nil
	}
	bin, err := binaries()
	if err != nil {
		if err := install(); err != nil {
			return nil, err
		}
		if bin, err = binaries(); err != nil {
			return nil, err
		}
	}
	return run(bin)
}

// binaries finds the newest initdb and postgres of a supported version.
func binaries() (string, error) {
	dirs, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	best, bin := oldest-1, ""
	for _, d := range dirs {
		v, err := strconv.Atoi(filepath.Base(filepath.Dir(d)))
		_, missing := os.Stat(filepath.Join(d, "initdb"))
		if err == nil && missing == nil && v > best {
			best, bin = v, d
		}
	}
	if bin == "" {
		return "", fmt.Errorf("no server binaries of version %d or newer in /usr/lib/postgresql", oldest)
	}
	return bin, nil
}

// install installs the server on Debian, as root.
func install() error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("no server binaries, and only root can install them")
	}
	if _, err := os.Stat("/etc/debian_version"); err != nil {
		return fmt.Errorf("no server binaries, and this is not Debian")
	}
	for _, args := range [][]string{{"update", "-q"}, {"install", "-q", "-y", "--no-install-recommends", "postgresql"}} {
		cmd := exec.Command("apt-get", args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("apt-get %s: %w: %s", args[0], err, tail(out))
		}
	}
	return nil
}

// credential is the account that the server runs as, when it is another one.
type credential struct {
	uid, gid uint32
	other    bool
}

// account returns whom the server runs as: it refuses root.
func account() (credential, error) {
	if os.Geteuid() != 0 {
		return credential{}, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return credential{}, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return credential{}, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return credential{}, err
	}
	return credential{uid: uint32(uid), gid: uint32(gid), other: true}, nil
}

func run(bin string) (*Server, error) {
	who, err := account()
	if err != nil {
		return nil, err
	}
	// Directly below /tmp: a socket's path has at most 107 bytes.
	dir, err := os.MkdirTemp("/tmp", "comity-pg-")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir}
	if who.other {
		if err := os.Chown(dir, int(who.uid), int(who.gid)); err != nil {
			return nil, err
		}
	}
	data := filepath.Join(dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "comity", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
	initdb.SysProcAttr = attr(who, false)
	initdb.Dir = dir
	if out, err := initdb.CombinedOutput(); err != nil {
		s.stop()
		return nil, fmt.Errorf("initdb: %w: %s", err, tail(out))
	}
	s.cmd = exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-k", dir, "-h", "", "-c", "max_connections=100",
		"-c", "shared_buffers=128MB")
	s.cmd.Dir = dir
	s.url = "postgres://comity@/postgres?host=" + url.QueryEscape(dir)
	return s, s.serve(who)
}

// serve starts the process and waits until it answers.
func (s *Server) serve(who credential) error {
	started := make(chan error, 1)
	s.ended = make(chan struct{})
	s.cmd.SysProcAttr = attr(who, true)
	go s.hold(started)
	err := <-started
	if err != nil {
		s.cmd = nil
		s.stop()
		return err
	}
	for range 300 {
		if err = s.exec("SELECT 1"); err == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	out, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	s.stop()
	return fmt.Errorf("the server does not answer: %w: %s", err, tail(out))
}

// hold starts the process and waits for its end on one thread: where the
// system ends children with their parent, it is the thread that counts.
func (s *Server) hold(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(s.ended)
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		started <- err
		return
	}
	defer log.Close()
	s.cmd.Stdout, s.cmd.Stderr = log, log
	err = s.cmd.Start()
	started <- err
	if err == nil {
		_ = s.cmd.Wait() // how it ended does not matter: stop kills it
	}
}

// stop ends the server and removes its folder; data of tests need no care.
func (s *Server) stop() {
	if s.cmd != nil {
		_ = s.cmd.Process.Signal(syscall.SIGQUIT)
		<-s.ended
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}

func tail(out []byte) []byte {
	return out[max(0, len(out)-500):]
}
