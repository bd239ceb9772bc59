// Package federation lets nodes deal with each other as equals: who a node is
// (identity, keys, the pair code that people compare), what two nodes signed
// (agreements and the small documents around them), and how one reads
// another's channels with every byte verified before anything is stored.
//
// It keeps nothing itself. The serving side asks a Source, the reading side
// writes to a Sink; package node implements both on the store. The protocol is
// docs/protocol.md (federation.md 4): pinned mutual TLS 1.3, plain GETs, pull
// only.
package federation
