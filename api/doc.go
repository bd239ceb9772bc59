// Package api answers JSON over HTTP under /api/v1, described by OpenAPI, and
// holds the shapes of that JSON. The command line's --json prints the same
// shapes: one documented object, or one object a line for lists. Times are
// RFC 3339 in UTC; unknown fields may be added, none is renamed or removed
// within /api/v1.
package api
