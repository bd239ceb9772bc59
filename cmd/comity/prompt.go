package main

import (
	"bufio"
	"fmt"
	"strings"

	"golang.org/x/term"

	"github.com/comity-net/comity"
)

// canAsk reports whether there is a person to ask.
func (a *app) canAsk() bool {
	_, in := terminal(a.in)
	_, out := terminal(a.err)
	return in && out && !a.json && !a.quiet
}

// confirm asks before something that cannot be taken back, or that binds the
// organisation. Where nobody can answer it is refused, unless --yes is given.
func (a *app) confirm(op string, m comity.Message) error {
	if a.yes {
		return nil
	}
	if !a.canAsk() {
		return comity.E(comity.Usage, op, "", comity.Msg("cmd.ask.needs_yes", comity.A("question", a.p.T(m))), nil).
			WithHint(comity.Msg("cmd.ask.needs_yes_hint"))
	}
	fmt.Fprintf(a.err, "%s [y/N] ", clean(a.p.T(m)))
	line, _ := bufio.NewReader(a.in).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes", "o", "oui", "s", "sí", "si", "д", "да", "是", "نعم":
		return nil
	}
	return comity.E(comity.Interrupted, op, "", comity.Msg("cmd.ask.no"), nil)
}

// askSecret reads a line without showing it.
func (a *app) askSecret(m comity.Message) ([]byte, error) {
	f, ok := terminal(a.in)
	if !ok {
		return nil, comity.E(comity.Usage, "", "", comity.Msg("cmd.ask.no_terminal"), nil)
	}
	fmt.Fprintf(a.err, "%s ", a.p.T(m))
	b, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(a.err)
	return b, err
}

// newSecret asks twice for a new passphrase or password, or takes it from the
// environment variable.
func (a *app) newSecret(env string, m comity.Message) ([]byte, error) {
	if s := a.env[env]; s != "" {
		return []byte(s), nil
	}
	one, err := a.askSecret(m)
	if err != nil {
		return nil, comity.E(comity.Usage, "", "", comity.Msg("cmd.ask.no_terminal_env", comity.A("env", env)), err)
	}
	two, err := a.askSecret(comity.Msg("cmd.ask.again"))
	if err != nil {
		return nil, err
	}
	if string(one) != string(two) || len(one) == 0 {
		return nil, comity.E(comity.Usage, "", "", comity.Msg("cmd.ask.differ"), nil)
	}
	return one, nil
}
