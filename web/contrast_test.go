package web

import (
	"math"
	"os"
	"regexp"
	"strconv"
	"testing"
)

// TestContrast holds every pair of text and ground in both palettes to the
// 4.5:1 of WCAG 2.1 AA.
func TestContrast(t *testing.T) {
	css, err := os.ReadFile("static/style.css")
	if err != nil {
		t.Fatal(err)
	}
	palettes := []map[string]string{{}, {}}
	for _, m := range regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6});`).FindAllSubmatch(css, -1) {
		name, value := string(m[1]), string(m[2])
		if palettes[0][name] == "" {
			palettes[0][name] = value
		} else if palettes[1][name] == "" {
			palettes[1][name] = value
		}
	}
	pairs := [][2]string{{"ink", "paper"}, {"ink", "surface"}, {"ink", "sunk"}, {"soft", "paper"}, {"soft", "surface"}, {"soft", "sunk"},
		{"accent", "surface"}, {"accent", "paper"}, {"accent", "accent-soft"}, {"accent-ink", "accent"}, {"ink", "accent-soft"},
		{"ok", "ok-soft"}, {"wait", "wait-soft"}, {"bad", "bad-soft"}, {"bad", "surface"}, {"ok", "surface"}}
	for i, p := range palettes {
		for _, pair := range pairs {
			if r := contrast(t, p[pair[0]], p[pair[1]]); r < 4.5 {
				t.Errorf("palette %d: %s on %s is %.2f", i, pair[0], pair[1], r)
			}
		}
	}
	for _, label := range []string{"#ff2b2b", "#ffc000", "#33ff00", "#ffffff"} {
		if r := contrast(t, label, "#000000"); r < 4.5 {
			t.Errorf("TLP %s is %.2f", label, r)
		}
	}
}

func contrast(t *testing.T, a, b string) float64 {
	la, lb := luminance(t, a), luminance(t, b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	if len(hex) != 7 {
		t.Fatalf("colour %q", hex)
	}
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.03928 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
