// Package ingest is the one way in. Run reads a stream of any size, unpacks it,
// finds out what it is (STIX, a table, a list, free text), judges every object
// and hands what was accepted and what was refused to a Sink in batches, in the
// order of the input, at bounded memory. Fetch opens a URL safely.
//
// It keeps nothing itself: what a batch becomes is the Sink's business.
//
// The way through Run: one goroutine reads and cuts, a few judge, and the caller's
// goroutine gathers the results in order and calls the Sink, so that a batch is
// stored while the next is judged. All of them have ended when Run returns.
package ingest
