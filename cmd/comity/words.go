package main

import (
	"fmt"
	"strings"

	"github.com/comity-net/comity"
)

// word translates a fixed word: a state, a verdict, a kind.
func (a *app) word(v any) string {
	s := strings.ReplaceAll(fmt.Sprint(v), "-", "_")
	if s == "" {
		return ""
	}
	return a.p.T(comity.Msg("cmd.word." + s))
}
