// Package taxii speaks TAXII 2.1: a server, a client and a prober.
//
// # Server
//
// NewServer makes an http.Handler of a Backend, which says what there is and who
// may have it. The server knows the protocol and nothing else: all ten endpoints,
// every filter, cursors, conditional requests, encodings, quotas and errors. A
// Backend that answers as its comments demand gets a server with these laws:
//
//   - No input gives a 5xx or anything but TAXII errors in JSON; only an error of
//     a kind that is nobody's input (comity.Internal, Unavailable) does.
//   - A cursor in next works on any process with the same key, after restarts, and
//     as often as one likes; it is bound to collection, filter and audience, and
//     says nothing of how many records lie between two pages.
//   - Objects leave as the bytes that came.
//   - Memory is bounded by Options.Memory, however slow the readers are.
//
// Where the standard leaves a choice, or its letter and its clients differ:
//
//   - Paths work without the final slash. An absent Accept header, wildcards and
//     application/json get TAXII; what excludes it gets 406.
//   - manifest and versions carry next, as objects do.
//   - added_after is strict, and read in any common form. An empty added_after or
//     next counts as absent. Any other malformed parameter, also a repeated one, is
//     400; unknown match fields are ignored unless Options.StrictMatch.
//   - match[version] takes all only alone. Without it, the latest version.
//   - An object that is not there is 404, one that the filter leaves nothing of an
//     empty envelope. The date headers are left out of an empty page: there is no
//     date to give, though section 3.2 asks for one.
//   - DELETE without filter removes all versions, so that the object is 404 after
//     it, as section 5.7 demands.
//
// # Client
//
// Client reads discovery, API roots and collections. Pull reads a collection page
// by page, with a Resume to keep between pulls; it survives servers that repeat
// pages, give no next, give many objects one date or include the date asked for,
// waits when told to, and reads TAXII 2.0 where 2.1 is refused. Push sends objects
// in posts that the server takes, and gives its verdict on each. Neither talks to
// anything but the origin that the client was made for.
//
// # Check
//
// Check holds anybody's server against the standard and says for each rule the
// section, what was seen and why it matters. It changes nothing unless allowed.
//
// # Finding a server
//
// Clients find a server in DNS by a record of section 3.9:
//
//	_taxii2._tcp.example.org. 86400 IN SRV 0 5 443 taxii.example.org.
package taxii
