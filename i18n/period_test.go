package i18n

import (
	"testing"

	"github.com/comity-net/comity"
)

func TestPeriod(t *testing.T) {
	c := catalog(t)
	for _, tc := range []struct{ lang, in, want string }{
		{"en", "P30D", "30 days"},
		{"en", "PT15M", "15 minutes"},
		{"en", "P1Y6M", "1 year 6 months"},
		{"en", "P1DT12H", "1 day 12 hours"},
		{"en", "P2W", "2 weeks"},
		{"ru", "PT72H", "72 часа"},
		{"fr", "P365D", "365 jours"},
		{"zh", "P90D", "90 天"},
		{"en", "", ""}, {"en", "P", "P"}, {"en", "PT", "PT"}, {"en", "30D", "30D"}, {"en", "P5", "P5"},
		{"en", "PxD", "PxD"}, {"en", "P1DT", "P1DT"}, {"en", "PT1D", "PT1D"}, {"en", "P-1D", "P-1D"},
		{"en", "P99999999999999999999D", "P99999999999999999999D"},
	} {
		if got := c.Lang(tc.lang).Period(comity.Period(tc.in)); got != tc.want {
			t.Errorf("%s %q gives %q, want %q", tc.lang, tc.in, got, tc.want)
		}
	}
}

func FuzzPeriodAndMatch(f *testing.F) {
	for _, s := range []string{"P30D", "PT1H", "P1Y2M3DT4H5M6S", "fr;q=0.1,*", "zh_CN.UTF-8", ""} {
		f.Add(s)
	}
	c, err := New()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p := c.Lang(Match(s, ""))
		p.Period(comity.Period(s))
		p.T(comity.Msg(s, comity.A("n", s), comity.A("x", "msg:"+s)))
	})
}
