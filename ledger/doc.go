// Package ledger keeps, proves and verifies channel logs: the numbered,
// signed, append-only record of what one publisher said to one audience.
//
// An [Entry] is a small line of JSON; its content travels beside it and is
// bound to it by a salted [Commitment], so that content can be erased while the
// log still verifies. Entries hang on an RFC 6962 hash tree, stored in the C2SP
// tlog-tiles layout ([Extend], [EdgeOf], [ProveConsistency]). The publisher
// signs the head of the tree ([SignCheckpoint]); a reader that holds and has
// verified every entry signs the same head ([SignReceipt]). A range of a log
// moves as one chunk ([WriteChunk], [ReadChunk], [VerifyChunk]); the publisher,
// the reader, the verifier and the offline file use the same code.
//
// Documents that people agree on are C2SP signed notes over raw bytes
// ([SignDocument], [OpenDocument]): what was received is what was signed; no
// JSON is ever re-serialised to check a signature.
//
// The package is pure: it reads tiles through [TileReader], has no clock, no
// files and no goroutines, and bounds everything it reads. Every failure is a
// [comity.Error]: Unverified when a hash, proof or signature is wrong, Invalid
// when something is malformed, TooLarge when it is over a bound.
//
// What must not happen is proved by what was signed: [MakeFork] turns two
// histories of one log into a document that anybody can check offline
// ([OpenFork]), [MakeDoubleReceipt] and [MakeRollback] do the same for readers
// and for channels that shrank. The node log ([NodeEntry], [Anchor]) keeps
// identity, key events and anchors; a [Witness] cosigns those of others.
package ledger
