// Package policy decides who may receive what, and says why.
//
// [Decide] answers for one object and one receiver; [Prepare] readies the
// agreements once, so that [Rules] can answer for many. [Entrance] is the other
// door: what a reader lets in; [MayRead] says who may read a channel at all.
// [DecideAudience] answers for readers without a node, who come by TAXII.
// [CheckAgreement] and [Symmetry] judge an
// agreement before anyone signs it. [ParseFilter] and [ParsePeriod] read the
// small languages that stand in its clauses.
//
// Everything here is a pure function of its arguments, the time included. What
// is not allowed is refused: a zero value, an unknown word, a filter that cannot
// be read, a property that an object lacks. Every decision carries the chain of
// reasons that led to it, as message keys, in an order that does not depend on
// the order of the input.
//
// The rules, in the order in which they are asked:
//
//   - The label in force is the strictest of the object's own TLP, the handling
//     set at this node, and every granular marking.
//   - TLP:RED never goes into a channel: it is for named persons, and an
//     organisation reads a channel.
//   - What came from a peer goes on only where its label and the onward clause of
//     every stream that it came under allow, for no wider purpose and no longer.
//   - The receiver must be verified, and under an agreement in force with this
//     node; the stream must name this node as publisher, the type, a ceiling at
//     least as strict as the label, a filter that matches, and quota left.
//
// One allowing stream is enough. Where several allow, the one with the narrowest
// ceiling is taken.
package policy
