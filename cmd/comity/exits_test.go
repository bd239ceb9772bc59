package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/comity-net/comity/i18n"
)

func testApp(t *testing.T) *app {
	t.Helper()
	cat, err := i18n.New()
	if err != nil {
		t.Fatal(err)
	}
	return &app{p: cat.Lang("en"), env: map[string]string{}, ctx: t.Context()}
}

// walk visits every command that a user can run.
func walk(c *cobra.Command, fn func(*cobra.Command)) {
	fn(c)
	for _, s := range c.Commands() {
		if s.IsAvailableCommand() {
			walk(s, fn)
		}
	}
}

// Every command stands in docs/exits.md with how it asks the policy.
func TestEveryCommandIsListed(t *testing.T) {
	doc, err := os.ReadFile("../../docs/exits.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(doc), "\n## Commands\n")
	section, _, _ := strings.Cut(rest, "\n## ")
	listed := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(section, -1) {
		listed[m[1]] = true
	}
	walk(testApp(t).root(), func(c *cobra.Command) {
		if c.HasSubCommands() {
			return
		}
		if !listed[verb(c)] {
			t.Errorf("%q is not listed in docs/exits.md", verb(c))
		}
		delete(listed, verb(c))
	})
	for v := range listed {
		t.Errorf("docs/exits.md lists %q, which is no command", v)
	}
}

// Every command has a sentence and examples, every flag a sentence; none is a
// key that no file knows.
func TestEveryCommandHasHelp(t *testing.T) {
	walk(testApp(t).root(), func(c *cobra.Command) {
		if c.Short == "" || c.Example == "" || strings.HasPrefix(c.Short, "cmd.") || strings.HasPrefix(c.Long, "cmd.") {
			t.Errorf("%s: help is missing: %q %q", c.CommandPath(), c.Short, c.Example)
		}
		_, texts := flagTexts(c.Flags())
		_, more := flagTexts(c.PersistentFlags())
		for _, s := range append(texts, more...) {
			if s == "" || strings.HasPrefix(s, "cmd.") {
				t.Errorf("%s: a flag has no sentence: %q", c.CommandPath(), s)
			}
		}
	})
}

// A key that code names without comity.Msg is checked here.
func TestEveryKeyExists(t *testing.T) {
	a := testApp(t)
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	key := regexp.MustCompile(`"<?(cmd\.[a-z0-9_.]*[a-z0-9])"`)
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		src, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range key.FindAllStringSubmatch(string(src), -1) {
			if a.t(m[1]) == m[1] {
				t.Errorf("%s: the key %s has no English text", f.Name(), m[1])
			}
		}
	}
}

func TestOutputIsSafeForATerminal(t *testing.T) {
	for in, want := range map[string]string{
		"plain 中文 العربية":          "plain 中文 العربية",
		"red \x1b[31m":              `red \u001b[31m`,
		"turn\u202e around":         `turn\u202e around`,
		"bell\a":                    `bell\u0007`,
		"isolated \u2068x\u2069 ok": "isolated \u2068x\u2069 ok",
	} {
		if got := clean(in); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
	if got := oneLine("一二三四五六七八九十", 8); got != "一二三…" {
		t.Errorf("oneLine cuts to %q", got)
	}
}
