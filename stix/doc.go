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
// A breach of a SHOULD, such as a computed SCO id that differs from the rule, a
// term outside an open vocabulary or a relationship that the text does not
// list, is a warning in every mode. Custom properties, objects and extensions
// are accepted, and mentioned in strict mode. A marking is never dropped: what
// cannot be read as a marking refuses the object.
//
// Judged are, by the tables of sections 3 to 7 and 10: the kind, form and range
// of each property; what is required, alone or by choice, and what excludes
// what; vocabularies (open ones warn) and enumerations; the types that each
// reference may lead to; the order of times; markings and the selectors of
// granular ones; relationships; the predefined extensions and the types inside
// objects; extensions of all five kinds; patterns. A list with several unknown
// terms gives one finding, and a report holds at most 64.
//
// What needs more than one object has functions of its own: [CheckVersion] for
// versions and revocation, [CheckTranslation] for language content and the
// object that it translates. [CompileSchemas] adds JSON Schemas of registered
// extensions to what [Parse] judges.
//
// # STIX 2.0
//
// Objects of STIX 2.0 are read as they are, with a warning, and never changed.
// [Upgrade] turns them into STIX 2.1 where somebody asks for it, and tells of
// every change.
//
// # Making
//
// [Indicator], [Vulnerability], [Identity], [Pattern] and [TLPDefinition] make objects;
// [NewVersion] makes the next version of one, [Bundle] puts objects into a
// bundle, byte for byte. [CanonicalID] computes the
// deterministic id of an SCO, as Errata 01 of the standard does.
package stix
