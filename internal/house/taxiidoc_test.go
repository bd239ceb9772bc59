package house

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/comity-net/comity/internal/testkit/port"
)

// The commands of docs/taxii.md run as written, but for the ports.
func TestTaxiiPageRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("short: builds the program and runs a node")
	}
	for _, tool := range []string{"bash", "curl", "openssl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("no", tool)
		}
	}
	var script strings.Builder
	script.WriteString("set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\n")
	blocks := shellBlock.FindAllStringSubmatch(read(t, "docs/taxii.md"), -1)
	for _, m := range blocks {
		script.WriteString(m[1])
	}
	text, web := script.String(), port.Free(t)
	text = strings.ReplaceAll(text, "8443", fmt.Sprint(web))
	text = strings.ReplaceAll(text, "8844", fmt.Sprint(port.Free(t)))
	text = strings.Replace(text, "sleep 2\n", fmt.Sprintf("for i in $(seq 200); do (exec 3<>/dev/tcp/127.0.0.1/%d) 2>/dev/null && break; sleep 0.1; done\n", web), 1)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	dir := t.TempDir()
	cmd := exec.CommandContext(ctx, "bash", "-c", text)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(binary(t))+string(os.PathListSeparator)+os.Getenv("PATH"), "HOME="+dir, "COMITY_DATA=", "LANG=C")
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		fmt.Sprintf(`"api_roots":["https://localhost:%d/taxii2/api/"]`, web), `"alias":"blocklist"`, `"pattern":"[ipv4-addr:value = '198.51.100.7']"`,
		`"date_added":`, "CN=sector", "\n401\n", `"error_code":"taxii.credentials"`,
	} {
		if !bytes.Contains(out, []byte(want)) {
			t.Errorf("the page does not show %q", want)
		}
	}
	if t.Failed() || len(blocks) < 5 {
		t.Errorf("%d blocks:\n%s", len(blocks), out)
	}
}
