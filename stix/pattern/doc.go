// Package pattern reads, prints, compares and evaluates STIX 2.1 patterns
// (STIX 2.1, section 9), the language in which indicators say what to look for:
//
//	[ipv4-addr:value = '198.51.100.1']
//	([file:hashes.MD5 = '79054025255fb1a26e4bc422aef54eb4'] FOLLOWEDBY
//	 [windows-registry-key:key = 'HKEY_LOCAL_MACHINE\\foo']) WITHIN 300 SECONDS
//
// It needs only the root package and the normal forms of package extract. It
// does no I/O, keeps no state and starts no goroutine; all its functions may be
// used at the same time.
//
// # Reading
//
// [Parse] takes the whole grammar and refuses everything else, with line,
// column and byte, what was found and what was expected. [ParseLenient] also
// takes some things that are common in the wild. String prints a pattern so that it
// is read back as the same; Canonical gives equal patterns one text; Values
// gives what a lookup finds the pattern by; Comparisons and Root are for those
// who compile patterns into something else.
//
// # Matching
//
// [Compile] makes a pattern ready, Match evaluates it over observations. An
// invalid pattern matches nothing: it cannot be compiled.
//
// Inside [ ] all comparisons start from one object. A path that leads to
// nothing makes its comparison false, with NOT and != as well; only NOT EXISTS
// is then true. Types that do not compare give false, and true for !=. "[*]"
// asks for any item: "!=" is true when some item differs, "NOT =" when none is
// equal, since NOT turns the result of the whole comparison (section 9.6.1).
// Strings compare by code point; LIKE and MATCHES see them in NFC. Properties
// that end in _bin or _hex compare as the bytes that they stand for. Numbers
// compare exactly, whatever their size, timestamps by instant.
//
// MATCHES takes the syntax of package regexp, a part of PCRE that runs in linear
// time: Compile refuses look-around, back-references, possessive and atomic
// groups. As in PCRE, "." matches line ends and $ also matches before a line
// feed at the end; \w, \d, \s and \b know ASCII only.
//
// # Observations that last
//
// An [Observation] with Number n is n observations, somewhere between First and
// Last. A condition on time holds when times could be chosen so that it does:
//
//   - START a STOP b: First < b and Last ≥ a;
//   - a FOLLOWEDBY b: the latest First of a is not after the earliest Last of b;
//   - WITHIN w: the latest First is before the earliest Last plus w. The window
//     is open at its end, as section 9.5.1 says; some other software closes it.
//
// Each condition is looked at alone. AND, FOLLOWEDBY and REPEATS take different
// observations for each "[…]", OR takes those of one side.
//
// # How a match is found
//
// Windows and orders are turned into limits on single observations by trying
// each time at which they can begin; what remains is a demand of each "[…]" for
// so many observations, which a maximum flow meets or shows to be impossible.
// The flow also prunes: a branch ends when it fails with all windows and orders
// left out. "[…]" with any qualifiers but WITHIN, joined by AND, and OR of
// plain "[…]" take one flow; each WITHIN around more than one observation and
// each FOLLOWEDBY multiplies the work by up to the number of observations, and a
// REPEATS around those raises it to a power. Limits.Steps bounds all of it: when
// it is used up, Match returns an error of kind Limited and no verdict.
package pattern
