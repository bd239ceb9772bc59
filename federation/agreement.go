package federation

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"math"
	"regexp"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/ledger"
)

// TypeAgreement is the type line of an agreement's body.
const TypeAgreement = "comity/agreement/v1"

const (
	maxAgreement = 256 << 10
	maxParties   = 100 // what one signed note can carry
	maxStreams   = 64
)

var (
	streamName = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$`)
	stixType   = regexp.MustCompile(`^(?:\*|[a-z0-9][a-z0-9-]{2,249})$`)
	fraction   = regexp.MustCompile(`^[1-9]\d?/[1-9]\d?$`)
	hexID      = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// agreementBody is the JSON that all parties sign (federation.md 4.7).
type agreementBody struct {
	Prev        *comity.AgreementID `json:"prev"`            // the version this one replaces
	Chain       comity.AgreementID  `json:"chain,omitempty"` // the first version; needed when prev is set
	Kind        string              `json:"kind"`
	Title       string              `json:"title,omitempty"`
	Parties     []comity.Party      `json:"parties"`
	Streams     []streamBody        `json:"streams"`
	Quota       quotaBody           `json:"quota,omitzero"`
	Receipts    receiptsBody        `json:"receipts,omitzero"`
	Erasure     erasureBody         `json:"erasure,omitzero"`
	Confirm     string              `json:"confirm,omitempty"`
	Notice      comity.Period       `json:"notice,omitempty"`
	Asymmetries []string            `json:"asymmetries"`
	ValidFrom   time.Time           `json:"valid_from"`
	ValidUntil  time.Time           `json:"valid_until,omitzero"`
	Nonce       string              `json:"nonce"`
}

type streamBody struct {
	Name       string        `json:"name"`
	Publishers publishers    `json:"publishers"` // "all" or a list of node ids
	Max        string        `json:"max"`
	Types      []string      `json:"types,omitempty"`
	Filter     string        `json:"filter,omitempty"`
	Purpose    []string      `json:"purpose,omitempty"`
	Within     comity.Period `json:"within,omitempty"`
	Backfill   string        `json:"backfill,omitempty"`
	Onward     comity.Onward `json:"onward"`
	Retention  comity.Period `json:"retention,omitempty"`
}

type quotaBody struct {
	ObjectsDay whole `json:"objects_day,omitzero"`
	BytesDay   whole `json:"bytes_day,omitzero"`
}

type receiptsBody struct {
	Within comity.Period `json:"within,omitempty"`
}

type erasureBody struct {
	AnswerWithin comity.Period `json:"answer_within,omitempty"`
}

// publishers is "all" (an empty list) or a list of node ids.
type publishers []comity.MemberID

func (p publishers) MarshalJSON() ([]byte, error) {
	if len(p) == 0 {
		return []byte(`"all"`), nil
	}
	return json.Marshal([]comity.MemberID(p))
}

func (p *publishers) UnmarshalJSON(b []byte) error {
	if string(b) == `"all"` {
		*p = nil
		return nil
	}
	var list []comity.MemberID
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	if len(list) == 0 {
		return strconv.ErrSyntax // an empty list is not "all"
	}
	*p = list
	return nil
}

// whole is a whole number that people may also write as 2e9.
type whole int64

func (w *whole) UnmarshalJSON(b []byte) error {
	if n, err := strconv.ParseInt(string(b), 10, 64); err == nil && n >= 0 {
		*w = whole(n)
		return nil
	}
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil || f < 0 || f > 1<<53 || f != math.Trunc(f) {
		return strconv.ErrSyntax
	}
	*w = whole(f)
	return nil
}

// Template writes a first draft for a person to edit: readable JSON, the
// streams "indicators" and "incidents", the same duties for both. kind is
// "bilateral" or "group"; a group starts with these two and takes more parties
// in the editor. NewAgreement turns the edited text into a body.
func Template(kind string, self, other *Identity, now time.Time, rand io.Reader) ([]byte, error) {
	from := now.UTC().Truncate(time.Minute)
	a := comity.Agreement{
		Kind:  kind,
		Title: self.Name + " – " + other.Name,
		Parties: []comity.Party{
			{ID: self.ID, Name: self.Name}, {ID: other.ID, Name: other.Name},
		},
		Streams: []comity.Stream{
			{Name: "indicators", Max: comity.AmberStrict, Onward: comity.OnwardConstituency, Backfill: "all",
				Purpose: []string{"defence"}, Within: "PT15M", Retention: "P365D"},
			{Name: "incidents", Max: comity.AmberStrict, Onward: comity.OnwardNone, Backfill: "all",
				Purpose: []string{"defence"}, Within: "PT1H", Retention: "P365D",
				Types: []string{"incident"}},
		},
		ReceiptsWithin: "PT1H", ErasureWithin: "PT72H", Confirm: "2/3", Notice: "P30D",
		ValidFrom: from, ValidUntil: from.AddDate(1, 0, 0),
	}
	return DraftAgreement(a, rand)
}

// DraftAgreement writes the clauses of a as readable JSON with a fresh nonce.
// ID and State are not part of it; Chain counts only when Prev is set.
func DraftAgreement(a comity.Agreement, rand io.Reader) ([]byte, error) {
	const op = "draft agreement"
	nonce := make([]byte, 32)
	if _, err := io.ReadFull(rand, nonce); err != nil {
		return nil, comity.E(comity.Internal, op, "", comity.Msg("federation.no_randomness"), err)
	}
	b := agreementBody{
		Kind: a.Kind, Title: a.Title, Parties: a.Parties,
		Quota:    quotaBody{whole(a.Quota.ObjectsDay), whole(a.Quota.BytesDay)},
		Receipts: receiptsBody{a.ReceiptsWithin}, Erasure: erasureBody{a.ErasureWithin},
		Confirm: a.Confirm, Notice: a.Notice, Asymmetries: append([]string{}, a.Asymmetries...),
		ValidFrom: a.ValidFrom, ValidUntil: a.ValidUntil, Nonce: base64.StdEncoding.EncodeToString(nonce),
	}
	if a.Prev != "" {
		b.Prev, b.Chain = &a.Prev, a.Chain
	}
	for _, s := range a.Streams {
		b.Streams = append(b.Streams, streamBody{Name: s.Name, Publishers: s.Publishers, Max: s.Max.String(), Types: s.Types, Filter: s.Filter,
			Purpose: s.Purpose, Within: s.Within, Backfill: s.Backfill, Onward: s.Onward, Retention: s.Retention})
	}
	if _, err := b.agreement(op); err != nil {
		return nil, err
	}
	out, err := json.Marshal(b, jsontext.WithIndent("  "), json.Deterministic(true))
	if err != nil {
		return nil, comity.E(comity.Internal, op, "", comity.Msg("federation.agreement_shape", comity.A("field", "")), err)
	}
	return append(out, '\n'), nil
}

// ParseAgreement reads a signed body (type line and JSON). Unknown members are
// kept in the bytes and ignored here; duplicate keys, unknown clause values and
// contradictions are Invalid. ID is the hash of the body; State is left "".
func ParseAgreement(body []byte) (comity.Agreement, error) {
	const op = "read agreement"
	var none comity.Agreement
	if len(body) > maxAgreement {
		return none, tooLarge(op, "", nil, "agreement", maxAgreement)
	}
	typ, js, _ := bytes.Cut(body, []byte{'\n'})
	if string(typ) != TypeAgreement {
		return none, invalid(op, "", nil, "federation.document_type", comity.A("got", clip(string(typ))), comity.A("expected", TypeAgreement))
	}
	var b agreementBody
	if err := readJSON(js, &b); err != nil {
		return none, unreadable(op, err)
	}
	a, err := b.agreement(op)
	if err != nil {
		return none, err
	}
	sum := sha256.Sum256(body)
	a.ID = comity.AgreementID(hex.EncodeToString(sum[:]))
	if a.Prev == "" {
		a.Chain = a.ID
	}
	return a, nil
}

// SignAgreement signs the body exactly as it stands with the document key and
// gives the signature line. It refuses a body it cannot read or to which this
// node is not a party.
func (k *Keys) SignAgreement(body []byte) (line []byte, err error) {
	const op = "sign agreement"
	a, err := ParseAgreement(body)
	if err != nil {
		return nil, err
	}
	if !a.Has(k.id) {
		return nil, forbidden(op, a.ID, "federation.agreement_not_party", comity.A("id", k.id.Grouped()))
	}
	return ledger.Countersign(body, k.doc)
}

// VerifyAgreementLine checks that by, a party, signed exactly this body.
func VerifyAgreementLine(body, line []byte, by *Identity) error {
	const op = "verify agreement"
	a, err := ParseAgreement(body)
	if err != nil {
		return err
	}
	if !a.Has(by.ID) {
		return unverified(op, a.ID, nil, "federation.agreement_not_party", comity.A("id", by.ID.Grouped()))
	}
	msg, err := ledger.JoinDocument(body, line)
	if err == nil {
		_, err = by.Keys.Document(msg)
	}
	if err != nil {
		return unverified(op, a.ID, err, "federation.agreement_signature", comity.A("name", by.Name), comity.A("agreement", a.ID.Short()))
	}
	return nil
}

// MayFollow reports, as an error, why a channel of an agreement may not be read
// at now: not yet, suspended, or never signed by all. One that has ended is
// still followed: nothing new is put in its channels, but withdrawals must
// reach whoever holds what was shared before.
func MayFollow(a *comity.Agreement, now time.Time) error {
	const op = "check agreement"
	if now.Before(a.ValidFrom) {
		return forbidden(op, a.ID, "federation.agreement_not_yet", comity.A("agreement", a.ID.Short()), comity.A("from", a.ValidFrom.UTC().Format(time.RFC3339)))
	}
	switch a.State {
	case comity.AgreementActive, comity.AgreementComplete, comity.AgreementEnded, comity.AgreementSuperseded:
		return nil
	}
	return forbidden(op, a.ID, "federation.agreement_state", comity.A("agreement", a.ID.Short()), comity.A("state", a.State))
}
