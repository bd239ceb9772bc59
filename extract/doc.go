// Package extract finds indicators in any text and brings them to the one
// normal form that stores and lookups share.
//
// Find reads a report, a mail or a chat and returns the addresses, domains,
// URLs, hashes, e-mail addresses, CVE names and AS numbers in it, in order and
// once each, with the place where each stood. It undoes the usual defanging
// (hxxp, [.], (dot), [at] …) on the way.
//
// Normalize and Guess take one value: as a field of known kind, or as a person
// typed it into a search box.
//
// The package does no I/O, works in linear time, and never panics on any
// input. It imports the root package and the name tables of golang.org/x/net.
package extract
