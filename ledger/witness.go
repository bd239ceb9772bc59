package ledger

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity-net/comity"
)

// WitnessRequest is the body of C2SP tlog-witness add-checkpoint: "your latest
// was of Old entries; here is a newer checkpoint, and the proof that it goes on
// from there".
type WitnessRequest struct {
	Old        int64
	Proof      []comity.Hash // at most 63
	Checkpoint []byte        // a signed note
}

// maxWitnessProof is what C2SP tlog-witness allows.
const maxWitnessProof = 63

// MaxWitnessRequest bounds the body of add-checkpoint, in bytes.
const MaxWitnessRequest = maxCheckpoint + 64*64

// WitnessSizeType is the media type of a 409 answer, whose body is the size of
// the witness's latest checkpoint in decimal and a newline.
const WitnessSizeType = "text/x.tlog.size"

// Encode gives the bytes of the request.
func (r WitnessRequest) Encode() []byte {
	b := fmt.Appendf(nil, "old %d\n", r.Old)
	for i := range r.Proof {
		b = append(strictStd64.AppendEncode(b, r.Proof[i][:]), '\n')
	}
	b = append(b, '\n')
	return append(b, r.Checkpoint...)
}

// ParseWitnessRequest reads such a body within MaxWitnessRequest. It has one
// spelling; anything else is Invalid and named by its line.
func ParseWitnessRequest(b []byte) (WitnessRequest, error) {
	const op = "read witness request"
	if len(b) > MaxWitnessRequest {
		return WitnessRequest{}, tooLarge(op, "request", int64(len(b)), MaxWitnessRequest)
	}
	var r WitnessRequest
	wrong := func(line int) (WitnessRequest, error) {
		return WitnessRequest{}, invalid(op, line, nil, "proof.witness_line", comity.A("line", line))
	}
	first, rest, _ := bytes.Cut(b, []byte{'\n'})
	digits, ok := strings.CutPrefix(string(first), "old ")
	n, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil || n < 0 || n > MaxSize || strconv.FormatInt(n, 10) != digits {
		return wrong(1)
	}
	r.Old = n
	for line := 2; ; line++ {
		text, after, found := bytes.Cut(rest, []byte{'\n'})
		if !found {
			return wrong(line)
		}
		rest = after
		if len(text) == 0 {
			break
		}
		h, ok := base64Line(text)
		if !ok || len(r.Proof) == maxWitnessProof {
			return wrong(line)
		}
		r.Proof = append(r.Proof, h)
	}
	r.Checkpoint = bytes.Clone(rest)
	return r, nil
}

// Witnessed keeps, for each origin, the latest checkpoint that this witness
// cosigned. It must be durable before Advance returns, and must never be rolled
// back: a witness that forgets can be led to sign two histories.
type Witnessed interface {
	// Latest gives the head of the latest cosigned checkpoint and its note; the
	// zero head and nil when none was ever cosigned.
	Latest(ctx context.Context, origin string) (comity.Head, []byte, error)
	// Advance stores the cosigned checkpoint with head next if the latest is
	// still old, in one step, and reports whether it did. next may equal old.
	Advance(ctx context.Context, origin string, old, next comity.Head, checkpoint []byte) (bool, error)
}

// WitnessAnswer is how add-checkpoint is answered.
type WitnessAnswer struct {
	Status int   // HTTP: 200, 400, 403, 404, 409 or 422
	Size   int64 // 409: of the latest cosigned checkpoint
	Line   []byte
	Origin string
	Head   comity.Head // of the checkpoint sent, when its signature is good

	// Fork is set when the checkpoint sent contradicts the latest one in a way
	// that proves itself: a comity/fork/v1 document to pass on.
	Fork []byte
}

// Witness cosigns the node logs of peers (C2SP tlog-witness): each checkpoint
// must continue the one that it cosigned last.
type Witness struct {
	Signer note.Signer // cosignature/v1
	State  Witnessed
	// Keys gives the keys that may sign checkpoints of an origin; none when the
	// origin is not one that this witness follows.
	Keys func(ctx context.Context, origin string) ([]note.Verifier, error)
}

// Add decides on one request. The error is about this witness only: what is
// wrong with the request is the answer's status.
//
// INVARIANT: a log that was restored to an earlier size is refused at once, and
// no two cosigned checkpoints of an origin contradict each other
// (TestWitnessRefusesRestoredLog, TestWitnessNeverContradictsItself).
func (w *Witness) Add(ctx context.Context, body []byte) (WitnessAnswer, error) {
	const op = "witness"
	req, err := ParseWitnessRequest(body)
	if err != nil {
		return WitnessAnswer{Status: http.StatusBadRequest}, nil
	}
	origin, _, _ := strings.Cut(string(req.Checkpoint), "\n")
	a := WitnessAnswer{Origin: origin}
	keys, err := w.Keys(ctx, origin)
	if err != nil {
		return a, err
	}
	if len(keys) == 0 {
		a.Status = http.StatusNotFound
		return a, nil
	}
	signed, next, err := onlyBy(op, req.Checkpoint, keys)
	if err != nil {
		a.Status = http.StatusForbidden
		if comity.Is(err, comity.Unverified) && comity.ErrorMessage(err).Key == "ledger.bad_checkpoint" {
			a.Status = http.StatusBadRequest
		}
		return a, nil
	}
	a.Head = next
	if req.Old > next.Size {
		a.Status = http.StatusBadRequest
		return a, nil
	}
	latest, latestNote, err := w.State.Latest(ctx, origin)
	if err != nil {
		return a, err
	}
	if done := a.judge(req, latest, latestNote, signed, keys); done {
		return a, nil
	}
	return w.cosign(ctx, a, latest, signed)
}

// judge gives the answer when it is a refusal.
func (a *WitnessAnswer) judge(req WitnessRequest, latest comity.Head, latestNote, signed []byte, keys []note.Verifier) (done bool) {
	switch {
	case req.Old != latest.Size:
		a.Status, a.Size = http.StatusConflict, latest.Size
		// What was sent may still be the same size with another root.
		if a.Head.Size == latest.Size && latest.Size > 0 && a.Head.Root != latest.Root {
			a.Fork, _ = MakeFork(latestNote, signed, comity.Hash{}, nil, keys...)
		}
		return true
	case latest.Size > 0 && a.Head.Size == latest.Size && a.Head.Root != latest.Root:
		a.Status, a.Size = http.StatusConflict, latest.Size
		a.Fork, _ = MakeFork(latestNote, signed, comity.Hash{}, nil, keys...)
		return true
	}
	if latest.Size == 0 {
		latest.Root = emptyRoot()
	}
	if len(req.Proof) == 0 && a.Head == latest {
		return false // cosigned again, for freshness
	}
	if CheckConsistency(latest, a.Head, req.Proof) != nil {
		a.Status = http.StatusUnprocessableEntity
		return true
	}
	return false
}

// cosign signs and stores; the line leaves only when it is stored.
func (w *Witness) cosign(ctx context.Context, a WitnessAnswer, latest comity.Head, signed []byte) (WitnessAnswer, error) {
	line, err := SignReceipt(w.Signer, signed)
	if err != nil {
		return a, err
	}
	stored, err := w.State.Advance(ctx, a.Origin, latest, a.Head, concat(signed, line))
	if err != nil {
		return a, err
	}
	if !stored { // another request was quicker
		now, _, err := w.State.Latest(ctx, a.Origin)
		a.Status, a.Size = http.StatusConflict, now.Size
		return a, err
	}
	a.Status, a.Line = http.StatusOK, line
	return a, nil
}
