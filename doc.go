// Package comity holds the nouns of the system: objects, markings, members,
// agreements, decisions, channels, errors and the messages people read.
//
// It imports the standard library only and does no I/O: no clock, no files,
// no logging. Verbs live in the packages beside it (stix reads objects,
// policy decides, ledger proves, federation exchanges, store keeps, node
// composes them). See ARCHITECTURE.md for the way of an item.
package comity
