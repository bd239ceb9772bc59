package federation

import (
	"fmt"
	"strconv"
	"strings"
)

const tileWidth = 256

// parseTilePath reads the number of a tile and its width as C2SP tlog-tiles
// spells them: groups of three digits, all but the last after an "x", then
// ".p/<W>" for a partial tile. One spelling each; anything else is false.
func parseTilePath(s string) (n int64, width int, ok bool) {
	width = tileWidth
	if head, w, partial := strings.Cut(s, ".p/"); partial {
		v, err := strconv.Atoi(w)
		if err != nil || v < 1 || v >= tileWidth || strconv.Itoa(v) != w {
			return 0, 0, false
		}
		s, width = head, v
	}
	groups := strings.Split(s, "/")
	if len(groups) > 6 {
		return 0, 0, false
	}
	for i, g := range groups {
		if i < len(groups)-1 {
			if g, ok = strings.CutPrefix(g, "x"); !ok {
				return 0, 0, false
			}
		}
		v, err := strconv.ParseUint(g, 10, 16)
		if err != nil || len(g) != 3 {
			return 0, 0, false
		}
		n = n*1000 + int64(v)
	}
	return n, width, tilePath(n) == s
}

// tilePath spells the number of a tile.
func tilePath(n int64) string {
	s := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		s = fmt.Sprintf("x%03d/%s", n%1000, s)
	}
	return s
}
