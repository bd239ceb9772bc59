// Package bench holds the side-by-side measurement of the TAXII server, run by
// `make bench-taxii`: the built program and a plain server, written as somebody
// would plainly write it, on the same objects in one run. It has tests only.
package bench
