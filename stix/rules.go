package stix

import "github.com/comity-net/comity"

// level says in which modes a breach refuses the object.
type level uint8

const (
	fatal  level = iota // refuses in every mode: it cannot be identified or understood
	unsafe              // refuses in standard and strict: it cannot be stored or meant safely
	must                // refuses in strict, else warns: a breach of a MUST
	should              // warns: a breach of a SHOULD
	note                // warns in strict only
)

// refuses reports whether a breach at level l refuses in mode m.
func (l level) refuses(m comity.Mode) bool {
	switch l {
	case fatal:
		return true
	case unsafe:
		return m != comity.Lenient
	case must:
		return m == comity.Strict
	}
	return false
}

// rule is one thing that validation checks. Its key is a message with at least
// the argument path.
type rule struct {
	name, key, section string
	level              level
}

// The rules, in the order of the STIX 2.1 text. Where a rule serves many
// types, the section is that of the type.
var (
	ruleSyntax    = &rule{"syntax", "stix.syntax", "3.1", fatal}
	ruleUTF8      = &rule{"utf8", "stix.utf8", "3.1", fatal}
	ruleDuplicate = &rule{"duplicate", "stix.duplicate", "3.1", fatal}
	ruleDepth     = &rule{"depth", "stix.depth", "3.1", fatal}
	ruleNodes     = &rule{"nodes", "stix.nodes", "3.1", fatal}
	ruleSize      = &rule{"size", "stix.size", "3.1", fatal}
	ruleObject    = &rule{"object", "stix.object", "3.1", fatal}
	ruleNumber    = &rule{"number", "stix.number", "2.6", fatal}
	ruleType      = &rule{"type", "stix.type", "3.2", fatal}
	ruleTypeName  = &rule{"type-name", "stix.type_name", "3.1", must}
	ruleNotObject = &rule{"bundle", "stix.bundle", "8", fatal}
	ruleNoID      = &rule{"id", "stix.id", "2.9", fatal}
	ruleIDType    = &rule{"id-type", "stix.id_type", "2.9", fatal}
	ruleID        = &rule{"id-format", "stix.id_format", "2.9", unsafe}
	ruleIDCase    = &rule{"id-case", "stix.id_case", "2.9", should}
	ruleIDUUID    = &rule{"id-uuid", "stix.id_uuid", "2.9", should}
	ruleSCORandom = &rule{"sco-id", "stix.sco_id_random", "2.9", must}
	ruleSCOID     = &rule{"sco-id", "stix.sco_id", "3.4", should}

	ruleBinary     = &rule{"binary", "stix.binary", "2.1", must}
	ruleHashes     = &rule{"hashes", "stix.hashes", "2.7", must}
	ruleHex        = &rule{"hex", "stix.hex", "2.8", must}
	ruleInteger    = &rule{"integer", "stix.integer", "2.10", unsafe}
	ruleBigCustom  = &rule{"integer", "stix.integer", "2.10", must}
	ruleList       = &rule{"list", "stix.list", "2.12", must}
	ruleDict       = &rule{"dictionary", "stix.dictionary", "2.3", must}
	ruleExternal   = &rule{"external-reference", "stix.external_reference", "2.5", must}
	ruleEnum       = &rule{"enum", "stix.enum", "2.4", must}
	ruleVocabulary = &rule{"vocabulary", "stix.vocabulary", "10", should}
	ruleFormat     = &rule{"format", "stix.format", "6", must}
	ruleCountry    = &rule{"country", "stix.country", "4.10", should}
	rulePhase      = &rule{"kill-chain", "stix.kill_chain", "2.11", should}
	ruleDeprecated = &rule{"deprecated", "stix.deprecated", "4.14", should}
	ruleExternalID = &rule{"external-id", "stix.external_id", "4", must}
	ruleRange      = &rule{"range", "stix.range", "3.2", must}
	ruleLang       = &rule{"lang", "stix.lang", "3.2", must}
	ruleTime       = &rule{"timestamp", "stix.timestamp", "2.16", unsafe}
	ruleTimeSoft   = &rule{"timestamp", "stix.timestamp", "2.16", must}
	ruleTimeZone   = &rule{"timestamp-zone", "stix.timestamp_zone", "2.16", must}
	ruleKind       = &rule{"value-type", "stix.value_type", "3.2", unsafe}
	ruleKindSoft   = &rule{"value-type", "stix.value_type", "3.2", must}
	ruleValue      = &rule{"value", "stix.value", "6", must}

	ruleRequired  = &rule{"required", "stix.required", "3.2", unsafe}
	ruleRequiredS = &rule{"required", "stix.required", "3.2", must}
	ruleOneOf     = &rule{"one-of", "stix.one_of", "3.2", must}
	ruleVersion   = &rule{"spec-version", "stix.spec_version", "3.2", must}
	ruleVersionX  = &rule{"spec-version", "stix.spec_version_unknown", "3.2", unsafe}
	ruleVersion20 = &rule{"spec-version", "stix.spec_version_20", "3.2", must}
	ruleName      = &rule{"name-form", "stix.name_form", "3.1", must}
	ruleCustom    = &rule{"custom-property", "stix.custom_property", "11.1", note}
	ruleCustomObj = &rule{"custom-object", "stix.custom_object", "11.2", note}
	ruleOrder     = &rule{"order", "stix.order", "3.6", must}
	ruleMillis    = &rule{"timestamp-precision", "stix.milliseconds", "3.2", must}
	ruleReserved  = &rule{"reserved", "stix.reserved", "3.8", must}
	ruleMisplaced = &rule{"not-applicable", "stix.not_applicable", "3.2", should}
	ruleDefanged  = &rule{"not-applicable", "stix.not_applicable", "3.2", must}
	ruleExclusive = &rule{"exclusive", "stix.exclusive", "4.14", must}
	ruleFamily    = &rule{"is-family", "stix.is_family", "4.11", should}
	ruleContainer = &rule{"container", "stix.container", "2.13", must}
	ruleLocalRef  = &rule{"container", "stix.container_ref", "2.13", must}
	ruleNoSCO     = &rule{"no-observable", "stix.no_observable", "4.14", must}
	ruleRef       = &rule{"ref-format", "stix.ref_format", "2.9", unsafe}
	ruleRefSoft   = &rule{"ref-format", "stix.ref_format", "2.9", must}
	ruleRefType   = &rule{"ref-type", "stix.ref_type", "3.3", must}

	ruleMarking    = &rule{"marking", "stix.marking", "7.2.2", fatal}
	ruleMarkingID  = &rule{"marking-ref", "stix.marking_ref", "7.2.2", unsafe}
	ruleGranular   = &rule{"granular", "stix.granular", "7.2.3", fatal}
	ruleGranEither = &rule{"granular-either", "stix.granular_either", "7.2.3", unsafe}
	ruleSelector   = &rule{"selector", "stix.selector", "7.2.3.1", unsafe}
	ruleTLPFixed   = &rule{"tlp-fixed", "stix.tlp_fixed", "7.2.1.4", unsafe}
	ruleTLPOther   = &rule{"tlp-other", "stix.tlp_other", "7.2.1.4", must}
	ruleExtension  = &rule{"extension", "stix.extension", "7.3", must}
	ruleExtType    = &rule{"extension-type", "stix.extension_type", "7.3", must}
	ruleExtHost    = &rule{"extension-host", "stix.extension_host", "3.10", must}
	ruleRedefine   = &rule{"extension-redefines", "stix.extension_redefines", "7.3", must}
	ruleExtProps   = &rule{"extension-properties", "stix.extension_properties", "7.3.1", must}
	ruleExtPropsS  = &rule{"extension-properties", "stix.extension_properties_missing", "7.3.1", should}
	ruleCustomExt  = &rule{"custom-extension", "stix.custom_extension", "11.3", note}
	ruleSchema     = &rule{"extension-schema", "stix.extension_schema", "7.3.2", must}
	ruleOwnMarking = &rule{"marking-circle", "stix.marking_circle", "3.2", must}

	ruleRelation     = &rule{"relationship", "stix.relationship", "5.1", should}
	ruleRelationName = &rule{"relationship-name", "stix.relationship_name", "5.1", must}

	ruleTransRef  = &rule{"translation", "stix.translation_ref", "7.1.1", must}
	ruleTransTime = &rule{"translation", "stix.translation_version", "7.1.1", must}
	ruleTransProp = &rule{"translation", "stix.translation_property", "7.1.1", should}
	ruleTransKind = &rule{"translation", "stix.translation_kind", "7.1.1", must}
	ruleTransLen  = &rule{"translation", "stix.translation_length", "7.1.1", must}

	ruleNextCreated = &rule{"version-created", "stix.version_created", "3.6", must}
	ruleNextCreator = &rule{"version-creator", "stix.version_creator", "3.6", unsafe}
	ruleNextRevoked = &rule{"version-revoked", "stix.version_revoked", "3.6", unsafe}
	ruleNextSame    = &rule{"version-conflict", "stix.version_conflict", "3.6", unsafe}
)
