package node

import (
	"bytes"
	"strings"
	"sync"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/store"
)

// marksSlots is how many versions a markMemory knows at once, about 3 MiB.
const marksSlots = 1 << 17

// markMemory remembers what the bytes of versions say of markings, so that a
// page read again is not searched again. It is never out of date: the bytes of a
// version do not change and its number is not used again. What a definition
// means is not remembered here. Numbers that follow each other never displace
// each other.
type markMemory struct {
	mu    sync.Mutex
	slots []markSlot
	sets  map[string]*markSet // by the ids, so that each set is held once
}

type markSlot struct {
	oid store.OID
	set *markSet
}

// markSet is what the bytes of a version say that pages must know: the
// definitions that they name, and the STIX version.
type markSet struct {
	parse bool // the bytes mark parts, or may hide a name: they must be parsed
	named []comity.ObjectID
	old   bool // the object is of STIX 2.0
}

// maxMarkSets bounds the different sets held.
const maxMarkSets = 4096

// of returns the set of a version. With nil memory it is read from the bytes.
func (m *markMemory) of(v *store.Version) *markSet {
	if m == nil {
		return marksIn(v.Raw)
	}
	at := int(uint64(v.OID) % marksSlots)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.slots == nil {
		m.slots, m.sets = make([]markSlot, marksSlots), map[string]*markSet{}
	}
	if m.slots[at].oid == v.OID && m.slots[at].set != nil {
		return m.slots[at].set
	}
	set := marksIn(v.Raw)
	key := set.key()
	if held, ok := m.sets[key]; ok {
		set = held
	} else {
		if len(m.sets) >= maxMarkSets {
			clear(m.slots)
			clear(m.sets)
		}
		m.sets[key] = set
	}
	m.slots[at] = markSlot{v.OID, set}
	return set
}

func (s *markSet) key() string {
	var b strings.Builder
	if s.parse {
		b.WriteString("parse")
	}
	if s.old {
		b.WriteString("old")
	}
	for _, id := range s.named {
		b.WriteString(string(id))
		b.WriteByte('\n')
	}
	return b.String()
}

// maxNamed is how many definitions a set names; an object with more is parsed.
const maxNamed = 32

// marksIn searches the bytes. Any escape may hide a name.
func marksIn(raw []byte) *markSet {
	const prefix, uuid = `"marking-definition--`, 36 // the quotes make the search faster
	h := headOf(raw)
	s := markSet{old: h.spec() == stix20}
	if bytes.Contains(raw, []byte(`"granular_markings"`)) || bytes.Contains(raw, []byte(`\u00`)) {
		s.parse = true
		return &s
	}
	for rest := raw; ; {
		i := bytes.Index(rest, []byte(prefix))
		if i < 0 {
			return &s
		}
		rest = rest[i:]
		s.named = append(s.named, comity.ObjectID(rest[1:min(len(rest), len(prefix)+uuid)]))
		if len(s.named) > maxNamed {
			s.parse, s.named = true, nil
			return &s
		}
		rest = rest[len(prefix):]
	}
}
