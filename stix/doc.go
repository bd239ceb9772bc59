// Package stix reads, judges, indexes and makes STIX 2.1 objects.
//
// It needs nothing else of this project but the nouns of the root package and
// the normal forms of package extract; it does no I/O of its own, knows no
// clock and starts no goroutine. All functions may be used at the same time.
//
// # Reading
//
// A [Reader] cuts a stream into objects: bundles, TAXII envelopes, arrays,
// JSON lines, single objects and sequences of these, of any size at constant
// memory. [Parse] then judges one object and fills the index fields of
// [comity.Object]. The two are apart so that objects can be parsed by several
// goroutines while the next are read.
//
//	r := stix.NewReader(file, stix.Limits{})
//	for {
//		it, err := r.Next()
//		if err == io.EOF {
//			break
//		}
//		if err != nil {
//			return err // says at which byte; all before it was returned
//		}
//		obj, rep := stix.Parse(it.Raw, stix.Options{Own: true})
//		…
//	}
//
// The bytes of an object are kept exactly as they came, whatever the verdict.
//
// # Judging
//
// A [Report] gives the outcome (accepted, warned, refused) and for each finding
// the rule, the property path and the section of the STIX 2.1 text. The mode
// decides which rules refuse:
//
//   - lenient refuses what cannot be identified or understood at all: no JSON,
//     a name twice, broken UTF-8, no type or id, markings that cannot be read;
//   - standard refuses as well what cannot be stored or meant safely: an id or
//     a version time out of form, a missing property that carries the meaning
//     of the object, a granular marking whose selector leads nowhere, a false
//     copy of a fixed TLP definition;
//   - strict refuses every breach of a MUST.
//
// A breach of a SHOULD, such as a computed SCO id that differs from the rule,
// is a warning in every mode. Custom properties and objects are accepted, and
// mentioned in strict mode. A marking is never dropped: what cannot be read as
// a marking refuses the object.
//
// Patterns are scanned for their literals, not yet parsed. Objects of STIX 2.0
// are read as they are, with a warning, and never changed.
//
// # Making
//
// [Indicator], [Identity], [Pattern] and [TLPDefinition] make objects;
// [NewVersion] makes the next version of one. [CanonicalID] computes the
// deterministic id of an SCO, as Errata 01 of the standard does.
package stix
