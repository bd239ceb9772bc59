// Package formats reads and writes what is not a STIX bundle: tables of
// indicators (CSV) in and out, indicators made from one value, and the bundle
// file that an export writes byte for byte.
//
// It does no I/O of its own: every function works over an io.Reader or an
// io.Writer, holds one record at a time, and never panics on any input.
package formats
