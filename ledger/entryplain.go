package ledger

import (
	"github.com/comity-net/comity"
)

// parsePlainPut reads a put entry that is spelled exactly as Encode spells it,
// without a JSON parser: catching up reads millions of them. It gives false for
// everything else, also for what is wrong; ParseEntry then decides.
//
// INVARIANT: what it accepts, the strict parser reads the same (TestPlainPut).
func parsePlainPut(b []byte) (e Entry, ok bool) {
	s := scan{b: b, ok: true}
	s.word(`{"v":1,"k":"put","h":"`)
	h := s.take(16)
	s.word(`","r":`)
	r := s.number()
	s.word(`,"m":"`)
	m := s.label()
	s.word(`","c":"`)
	c := s.take(43)
	s.word(`","s":`)
	n := s.number()
	s.word(`}`)
	if !s.ok || len(s.b) != 0 || !validHandle(h) || r == 0 || n > MaxPayload || m == comity.Unmarked || !decodeHash(&e.C, c) {
		return Entry{}, false
	}
	e.K, e.H, e.R, e.M, e.S = comity.EntryPut, comity.Handle(h), r, m, n
	return e, true
}

// scan walks over bytes of a known spelling; once something differs, ok stays
// false.
type scan struct {
	b  []byte
	ok bool
}

// word consumes w.
func (s *scan) word(w string) {
	if s.ok = s.ok && len(s.b) >= len(w) && string(s.b[:len(w)]) == w; s.ok {
		s.b = s.b[len(w):]
	}
}

// take consumes n bytes.
func (s *scan) take(n int) []byte {
	if s.ok = s.ok && len(s.b) >= n; !s.ok {
		return nil
	}
	t := s.b[:n]
	s.b = s.b[n:]
	return t
}

// number consumes a decimal number of at most 18 digits without leading zeros.
func (s *scan) number() int64 {
	i, n := 0, int64(0)
	for i < len(s.b) && i < 19 && s.b[i] >= '0' && s.b[i] <= '9' {
		n = n*10 + int64(s.b[i]-'0')
		i++
	}
	s.ok = s.ok && i > 0 && i < 19 && (s.b[0] != '0' || i == 1)
	if !s.ok {
		return 0
	}
	s.b = s.b[i:]
	return n
}

// label consumes a TLP word up to the closing quote.
func (s *scan) label() comity.TLP {
	for t := comity.Red; t > comity.Unmarked && s.ok; t-- {
		w := t.String()
		if len(s.b) > len(w) && string(s.b[:len(w)]) == w && s.b[len(w)] == '"' {
			s.b = s.b[len(w):]
			return t
		}
	}
	s.ok = false
	return comity.Unmarked
}

// text consumes the inside of a plain JSON string up to its closing quote, at
// most limit bytes.
func (s *scan) text(limit int) []byte {
	for i := 0; s.ok && i < len(s.b) && i <= limit; i++ {
		c := s.b[i]
		if c == '"' {
			return s.take(i)
		}
		if c < 0x20 || c > 0x7e || c == '\\' {
			break
		}
	}
	s.ok = false
	return nil
}
