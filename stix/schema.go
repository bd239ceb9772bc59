package stix

import (
	"strconv"
	"strings"
)

// class says which family a type belongs to.
type class uint8

const (
	classCustom class = iota // extension-defined or custom
	classSDO
	classSRO
	classSCO
	classMeta
	classPart // no object of its own: an extension, or a type inside an object
)

// classWords are the words for classes in the tables and in references.
var classWords = map[string]class{"sdo": classSDO, "sro": classSRO, "sco": classSCO, "meta": classMeta, "part": classPart}

// typeSpec is what the standard says of one object type, or of a type inside
// one.
type typeSpec struct {
	section string
	class   class
	props   map[string]*prop
	own     []string // the properties that are not common ones, in the order of the text
	hard    []string // required; without them the object means nothing
	soft    []string // required by the text, often left out
	least   int      // of a part: how many properties it must have
}

// prop is what the standard says of one property.
type prop struct {
	form    form
	list    bool
	hard    bool // its value carries the meaning: a wrong one refuses in standard mode
	never   bool // a common property that the type does not have
	section string

	vocab  *vocabulary
	to     *targets  // what a reference may lead to
	part   *typeSpec // what an object inside looks like
	ranged bool      // the number lies in [low,high]
	low    float64
	high   float64
}

// form is the data type of a property (STIX 2.1, section 2).
type form uint8

const (
	formAny form = iota
	formString
	formBool
	formInt
	formFloat
	formTime
	formRef
	formHashes
	formDict
	formStrings // a dictionary of strings
	formLists   // a dictionary of lists of strings
	formScalars // a dictionary of whole numbers and strings
	formInts    // a dictionary of whole numbers
	formExtensions
	formHex
	formBinary
	formExternal
	formKillChain
	formObject
	formLang     // a language tag
	formMarkings // object_marking_refs, judged with the markings
	formGranular // granular_markings, likewise
	formReserved // no value is allowed yet
	formUnknown  // a slip in the table; a test finds it
)

// formWords are the words for forms in the tables.
var formWords = map[string]form{
	"any": formAny, "str": formString, "bool": formBool, "int": formInt, "float": formFloat, "time": formTime,
	"ref": formRef, "hashes": formHashes, "dict": formDict, "strdict": formStrings, "listdict": formLists,
	"numdict": formInts, "scalardict": formScalars, "ext": formExtensions, "hex": formHex, "bin": formBinary,
	"extref": formExternal, "kill": formKillChain, "obj": formObject, "lang": formLang, "markings": formMarkings,
	"granular": formGranular, "reserved": formReserved,
}

// commonProps stand on every object (section 3.2).
var commonProps = func() map[string]*prop {
	return props(commonTable, "3.2", nil)
}()

// neverOn names the common properties that do not apply to a class, or to one
// type (the table at the end of section 3.2).
var neverOn = map[string]string{
	"sdo": "defanged", "sro": "defanged",
	"sco":                  "created_by_ref created modified revoked labels confidence lang external_references",
	"marking-definition":   "modified revoked labels confidence lang defanged",
	"language-content":     "lang defanged",
	"extension-definition": "confidence lang defanged extensions",
}

// parts are the types that stand inside objects, the predefined extensions
// among them.
var parts = func() map[string]*typeSpec { return specs(partTable, nil) }()

// types is the table of the standard's types.
var types = func() map[string]*typeSpec { return specs(typeTable, parts) }()

// specs reads a table: a line for each type with its name, section, class and
// properties. A "+" behind the name of a part asks for one property, "++" for
// two. Parts must stand before what uses them.
func specs(table string, inside map[string]*typeSpec) map[string]*typeSpec {
	out := map[string]*typeSpec{}
	if inside == nil {
		inside = out
	}
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) < 3 {
			continue
		}
		name := strings.TrimRight(f[0], "+")
		s := &typeSpec{section: f[1], class: classWords[f[2]], least: len(f[0]) - len(name)}
		s.props = props(strings.Join(f[3:], " "), f[1], inside)
		for _, w := range f[3:] {
			name, form, _ := strings.Cut(w, ":")
			s.own = append(s.own, name)
			switch {
			case strings.Contains(form, "!"):
				s.hard = append(s.hard, name)
			case strings.Contains(form, "?"):
				s.soft = append(s.soft, name)
			}
		}
		if s.class != classPart {
			s.addCommon(neverOn[f[2]] + " " + neverOn[name])
		}
		out[name] = s
	}
	return out
}

// addCommon adds the common properties; never names those that do not apply.
func (s *typeSpec) addCommon(never string) {
	for name, p := range commonProps {
		if s.props[name] == nil {
			s.props[name] = p
		}
	}
	for _, name := range strings.Fields(never) {
		p := *commonProps[name]
		p.never = true
		s.props[name] = &p
	}
}

// props reads words of the form
//
//	name:form[]!~vocabulary>target|target=low..high
//
// where "[]" is a list, "!" is required and carries the meaning, "?" is
// required by the text but often left out, and a form that begins with a dot
// names a part.
func props(words, section string, inside map[string]*typeSpec) map[string]*prop {
	out := map[string]*prop{}
	for _, w := range strings.Fields(words) {
		name, form, _ := strings.Cut(w, ":")
		p := &prop{section: section}
		form, numbers, ranged := strings.Cut(form, "=")
		form, to, aimed := strings.Cut(form, ">")
		form, words, worded := strings.Cut(form, "~")
		p.hard = strings.HasSuffix(form, "!")
		form = strings.TrimRight(form, "!?")
		p.list = strings.HasSuffix(form, "[]")
		form = strings.TrimSuffix(form, "[]")
		ok := true
		if part, is := strings.CutPrefix(form, "."); is {
			p.part, p.form = inside[part], formObject
			ok = p.part != nil
		} else {
			p.form, ok = formWords[form]
		}
		if worded {
			p.vocab = vocabularies[words]
			ok = ok && p.vocab != nil
		}
		if aimed {
			p.to = newTargets(to)
		}
		if ranged {
			low, high, _ := strings.Cut(numbers, "..")
			var err1, err2 error
			p.low, err1 = strconv.ParseFloat(low, 64)
			p.high, err2 = strconv.ParseFloat(high, 64)
			p.ranged = true
			ok = ok && err1 == nil && err2 == nil
		}
		if !ok {
			p.form = formUnknown
		}
		out[name] = p
	}
	return out
}

// targets are the types that a reference may lead to.
type targets struct {
	names   string
	types   map[string]bool
	classes map[class]bool
}

func newTargets(words string) *targets {
	t := &targets{names: strings.ReplaceAll(words, "|", ", "), types: map[string]bool{}, classes: map[class]bool{}}
	for w := range strings.SplitSeq(words, "|") {
		if cl, ok := classWords[strings.ToLower(w)]; ok && w == strings.ToUpper(w) {
			t.classes[cl] = true
		} else {
			t.types[w] = true
		}
	}
	return t
}

// allow reports whether a reference may lead to the type. A type that the
// standard does not define may be of any class.
func (t *targets) allow(typ string) bool {
	if t.types[typ] {
		return true
	}
	if s := types[typ]; s != nil {
		return t.classes[s.class]
	}
	return len(t.classes) > 0 && typ != "bundle"
}
