package house

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/comity-net/comity/internal/testkit/port"
)

var shellBlock = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

// The README's first exchange runs as written: its sh blocks, in order, in one
// shell. Changed are only the port numbers (free ones are taken), the build
// (the binary of this test is used) and the pause (until both nodes answer).
func TestReadmeCommandsRun(t *testing.T) {
	if testing.Short() {
		t.Skip("short: builds the program and runs two nodes")
	}
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash")
	}
	blocks := shellBlock.FindAllStringSubmatch(read(t, "README.md"), -1)
	if len(blocks) < 8 {
		t.Fatalf("README.md has only %d sh blocks", len(blocks))
	}
	dir := t.TempDir()
	script, pages := readmeScript(t, blocks)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, bash, "-c", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(binary(t))+string(os.PathListSeparator)+os.Getenv("PATH"),
		"HOME="+dir, "COMITY_DATA=", "LANG=C", "READY_PAGES="+strings.Join(pages, " "))
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		"Would share 4", "Shared 4", "TLP:RED", "refused, as it must be", "false-positive", "whole: ",
	} {
		if !bytes.Contains(out, []byte(want)) {
			t.Errorf("the walk-through does not show %q:\n%s", want, out)
		}
	}
	for _, bad := range []string{"BROKEN", "panic", "hint:", "cmd.", "node."} {
		if bytes.Contains(out, []byte("\n"+bad)) {
			t.Errorf("the walk-through shows %q:\n%s", bad, out)
		}
	}
}

// readmeScript puts the blocks together for a shell that stops at the first
// failure, and returns the addresses of the pages.
func readmeScript(t *testing.T, blocks [][]string) (script string, pages []string) {
	var b strings.Builder
	b.WriteString("set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\n")
	for _, m := range blocks {
		b.WriteString(m[1])
	}
	script = b.String()
	for _, old := range []string{"8081", "8082", "8841", "8842"} {
		port := port.Free(t)
		if !strings.Contains(script, ":"+old) {
			t.Fatalf("README.md does not use port %s", old)
		}
		script = strings.ReplaceAll(script, ":"+old, fmt.Sprintf(":%d", port))
		if old < "8800" {
			pages = append(pages, fmt.Sprintf("127.0.0.1/%d", port))
		}
	}
	must := func(old, repl string) {
		if !strings.Contains(script, old) {
			t.Fatalf("README.md no longer says %q", old)
		}
		script = strings.Replace(script, old, repl, 1)
	}
	must("go build -o comity ./cmd/comity\n", "")
	must("sleep 2\n", `for p in $READY_PAGES; do for i in $(seq 200); do (exec 3<>/dev/tcp/$p) 2>/dev/null && break; sleep 0.1; done; done`+"\n")
	return script, pages
}

// The two commands that the README promises first.
func TestReadmeNamesTheTwoCommands(t *testing.T) {
	doc := read(t, "README.md")
	for _, want := range []string{"go run ./cmd/comity demo", "make test"} {
		if !strings.Contains(doc, want) {
			t.Errorf("README.md does not name %q", want)
		}
	}
	if !strings.Contains(read(t, "Makefile"), "\ntest:") || !strings.Contains(read(t, ".ci/run"), "make test") {
		t.Error("make test is not what CI runs")
	}
}
