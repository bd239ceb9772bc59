package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/comity-net/comity/internal/testkit/port"
	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the scripts call this very program as "comity".
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"comity": func() {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ()))
		},
	})
}

// TestScripts runs what a user types. Besides the commands of testscript:
//
//	exits N comity …       the exit code is N
//	until PATTERN comity … again and again, at most 30 s, until it succeeds and
//	                       its output matches
//	answers PORT           at most 30 s, until something listens there
//
// $PAGES1, $PEERS1, $PAGES2, $PEERS2 are free ports.
func TestScripts(t *testing.T) {
	if testing.Short() {
		t.Skip("short: starts the program many times")
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("LANG", "C")
			env.Setenv("COMITY_DATA", filepath.Join(env.WorkDir, "node"))
			for _, name := range []string{"PAGES1", "PEERS1", "PAGES2", "PEERS2"} {
				env.Setenv(name, strconv.Itoa(port.Free(t)))
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "until": untilMatches, "answers": answers,
		},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits N command…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var ee *exec.ExitError
		if !errors.As(err, &ee) {
			ts.Fatalf("%v: %v", args[1:], err)
		}
		got = ee.ExitCode()
	}
	if got != want {
		ts.Fatalf("%v exits %d, want %d", args[1:], got, want)
	}
}

const patience = 30 * time.Second

func untilMatches(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until PATTERN command…")
	}
	re, err := regexp.Compile(args[0])
	ts.Check(err)
	deadline := time.Now().Add(patience)
	for {
		err := ts.Exec(args[1], args[2:]...)
		if err == nil && re.MatchString(ts.ReadFile("stdout")) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%v did not match %q in %s: %v", args[1:], args[0], patience, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func answers(ts *testscript.TestScript, neg bool, args []string) {
	deadline := time.Now().Add(patience)
	for _, port := range args {
		for {
			c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%s", port))
			if err == nil {
				ts.Check(c.Close())
				break
			}
			if time.Now().After(deadline) {
				ts.Fatalf("nothing answers at port %s", port)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}
