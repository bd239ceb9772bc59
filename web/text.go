package web

import (
	"encoding/hex"
	"net/url"
	"strconv"
	"unicode/utf8"

	"github.com/comity-net/comity"
)

// parseInt reads a number from an address; what is no number, or below 0, is 0.
func parseInt(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

func hexHash(h comity.Hash) string { return hex.EncodeToString(h[:]) }

func escapePath(s string) string { return url.PathEscape(s) }

// cut shortens s to at most n characters.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	i := 0
	for at := range s {
		if i == n-1 {
			return s[:at] + "…"
		}
		i++
	}
	return s
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
