package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	cosig "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"github.com/comity-net/comity"
)

// lowerBase32 spells ids: lower case, no padding.
var lowerBase32 = base32.StdEncoding.WithPadding(base32.NoPadding)

// strictStd64 decodes hashes with padding, one spelling each.
var strictStd64 = base64.StdEncoding.Strict()

// Origin is the first line of a channel's checkpoints: "<node id>/ch/<channel
// id>". It binds a checkpoint to one log of one publisher.
func Origin(publisher comity.MemberID, ch comity.ChannelID) string {
	return string(publisher) + "/ch/" + string(ch)
}

// ChannelIDOf names the channel of a stream: the first 26 characters of the
// lower-case base32 of SHA-256 over the agreement's chain id, the publisher and
// the stream name with a zero byte between them.
func ChannelIDOf(chain comity.AgreementID, publisher comity.MemberID, stream string) comity.ChannelID {
	sum := sha256.Sum256([]byte(string(chain) + "\x00" + string(publisher) + "\x00" + stream))
	return comity.ChannelID(strings.ToLower(lowerBase32.EncodeToString(sum[:]))[:26])
}

// SignCheckpoint signs a head as a C2SP tlog-checkpoint: a signed note of three
// lines (origin, size, root), without extension lines.
func SignCheckpoint(s note.Signer, origin string, h comity.Head) ([]byte, error) {
	const op = "sign checkpoint"
	if err := checkSize(op, h.Size); err != nil {
		return nil, err
	}
	if origin == "" || strings.ContainsFunc(origin, func(r rune) bool { return r < 0x21 || r == 0x7f }) {
		return nil, invalid(op, origin, nil, "ledger.bad_origin", comity.A("origin", origin))
	}
	if h.Size == 0 {
		h.Root = emptyRoot()
	}
	text := fmt.Sprintf("%s\n%d\n%s\n", origin, h.Size, base64.StdEncoding.EncodeToString(h.Root[:]))
	msg, err := note.Sign(&note.Note{Text: text}, s)
	if err != nil {
		return nil, comity.E(comity.Internal, op, origin, comity.Msg("ledger.cannot_sign", comity.A("key", s.Name())), err)
	}
	return msg, nil
}

// OpenCheckpoint reads a checkpoint of at most 64 KiB and checks that v signed
// it and that it is of this origin. Everything that is off is Unverified; other
// signature lines, such as receipts, are passed over.
func OpenCheckpoint(msg []byte, v note.Verifier, origin string) (comity.Head, error) {
	const op = "open checkpoint"
	n, err := openNote(op, origin, msg, maxCheckpoint, v)
	if err != nil {
		return comity.Head{}, err
	}
	got, h, err := parseCheckpoint(n.Text)
	if err != nil {
		return comity.Head{}, unverified(op, origin, err, "ledger.bad_checkpoint", comity.A("cause", err))
	}
	if got != origin {
		return comity.Head{}, unverified(op, origin, nil, "ledger.other_origin", comity.A("expected", origin), comity.A("got", got))
	}
	return h, nil
}

// CheckpointOf reads which log, and what size of it, a checkpoint note speaks of.
// No signature is looked at.
func CheckpointOf(msg []byte) (origin string, size int64, err error) {
	const op = "read checkpoint"
	text, err := checkpointText(op, msg)
	if err != nil {
		return "", 0, err
	}
	origin, h, err := parseCheckpoint(string(text))
	if err != nil {
		return "", 0, unverified(op, "", err, "ledger.bad_checkpoint", comity.A("cause", err))
	}
	return origin, h.Size, nil
}

// parseCheckpoint reads the three lines of a checkpoint's text.
func parseCheckpoint(text string) (origin string, h comity.Head, err error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" || lines[0] == "" {
		return "", h, fmt.Errorf("checkpoint has %d lines, not 3", len(lines)-1)
	}
	h.Size, err = strconv.ParseInt(lines[1], 10, 64)
	if err != nil || h.Size < 0 || h.Size > MaxSize || strconv.FormatInt(h.Size, 10) != lines[1] {
		return "", h, fmt.Errorf("size %q is not a size", lines[1])
	}
	if len(lines[2]) != 44 {
		return "", h, fmt.Errorf("root hash has %d characters, not 44", len(lines[2]))
	}
	root, err := strictStd64.DecodeString(lines[2])
	if err != nil || len(root) != hashSize {
		return "", h, fmt.Errorf("root hash %q is not base64 of 32 bytes", lines[2])
	}
	copy(h.Root[:], root)
	if h.Size == 0 && h.Root != emptyRoot() {
		return "", h, fmt.Errorf("a log of size 0 has root %s", short(h.Root))
	}
	return lines[0], h, nil
}

// SignReceipt cosigns the text of a checkpoint (C2SP tlog-cosignature): "I hold
// and verified its entries and every payload not erased". The line ends in a
// newline and can be appended to the checkpoint. The signer must be of the
// cosignature/v1 kind; it stamps the time itself.
func SignReceipt(s note.Signer, checkpoint []byte) (line []byte, err error) {
	const op = "sign receipt"
	text, err := checkpointText(op, checkpoint)
	if err != nil {
		return nil, err
	}
	line, err = signLine(op, text, s)
	if err != nil {
		return nil, err
	}
	if _, err := cosigTime(line); err != nil {
		return nil, comity.E(comity.Internal, op, s.Name(), comity.Msg("ledger.cannot_sign", comity.A("key", s.Name())), err)
	}
	return line, nil
}

// OpenReceipt checks a receipt line against the text of the checkpoint and
// gives the time in it, in seconds, as the reader's clock had it. The
// checkpoint's own signature is not looked at: OpenCheckpoint does that.
func OpenReceipt(checkpoint []byte, line []byte, v note.Verifier) (at time.Time, err error) {
	const op = "open receipt"
	text, err := checkpointText(op, checkpoint)
	if err != nil {
		return time.Time{}, err
	}
	line, err = oneLine(op, line)
	if err != nil {
		return time.Time{}, err
	}
	n, err := openNote(op, "", concat(text, []byte{'\n'}, line), maxCheckpoint+maxReceipt, v)
	if err != nil {
		return time.Time{}, err
	}
	at, err = cosig.CoSigV1Timestamp(n.Sigs[0])
	if err != nil || at.Unix() <= 0 || at.Year() > 9999 {
		return time.Time{}, unverified(op, n.Sigs[0].Name, err, "ledger.receipt_time")
	}
	return at.UTC(), nil
}

// checkpointText gives the signed text of a checkpoint note.
func checkpointText(op string, checkpoint []byte) ([]byte, error) {
	if len(checkpoint) > maxCheckpoint {
		return nil, tooLarge(op, "checkpoint", int64(len(checkpoint)), maxCheckpoint)
	}
	i := bytes.LastIndex(checkpoint, []byte("\n\n"))
	if i < 0 {
		return nil, unverified(op, "", nil, "ledger.note_malformed")
	}
	text := checkpoint[:i+1]
	if _, _, err := parseCheckpoint(string(text)); err != nil {
		return nil, unverified(op, "", err, "ledger.bad_checkpoint", comity.A("cause", err))
	}
	return text, nil
}

// cosigTime reads the time out of a signature line that openNote or signLine
// made.
func cosigTime(line []byte) (time.Time, error) {
	_, b64, ok := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(string(line), "— "), "\n"), " ")
	if !ok {
		return time.Time{}, fmt.Errorf("no signature in line")
	}
	return cosig.CoSigV1Timestamp(note.Signature{Base64: b64})
}
