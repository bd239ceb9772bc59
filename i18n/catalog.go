// Package i18n turns messages (a key and arguments) into sentences of the six
// languages of the United Nations, and writes numbers, sizes and times as each
// of them does.
//
// The sentences stand in keys/<package>.<language>.json: one flat JSON object
// per package of the project and language, from key to text, or to the plural
// forms that the Unicode CLDR gives the language. A package owns its English
// file; the others are translations of it. A key that a language lacks is
// shown in English, one that English lacks as the key itself, so a page is
// never empty for want of a translation.
//
// Digits are Latin in every language, so that addresses, hashes and counts can
// be copied from a page into a tool.
package i18n

import (
	"embed"
	"fmt"
	"net/url"
	"strings"
	"unicode"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/comity-net/comity"
)

//go:embed keys/*.json
var keyFiles embed.FS

// Language is one of the six, with its name in itself.
type Language struct {
	Tag  string // BCP 47: "en"
	Name string // "English", "العربية"
	Dir  string // "ltr" or "rtl"
}

// languages is in the order of the names in Latin script; English is first
// because it is the fallback.
var languages = [...]Language{
	{"en", "English", "ltr"},
	{"ar", "العربية", "rtl"},
	{"es", "Español", "ltr"},
	{"fr", "Français", "ltr"},
	{"ru", "Русский", "ltr"},
	{"zh", "中文", "ltr"},
}

// matcher knows the tags in the order of languages.
var matcher = func() language.Matcher {
	tags := make([]language.Tag, len(languages))
	for i, l := range languages {
		tags[i] = language.MustParse(l.Tag)
	}
	return language.NewMatcher(tags)
}()

// Languages returns the six languages with their own names, English first.
func Languages() []Language { return append([]Language(nil), languages[:]...) }

// maxAccept bounds how much of an Accept-Language header is read.
const maxAccept = 1000

// Match returns the tag of the language to use: the chosen one if it is one of
// the six, else the best for the Accept-Language header (or the LANG variable,
// as "fr_FR.UTF-8"), else "en".
func Match(acceptLanguage, chosen string) string {
	for _, l := range languages {
		if l.Tag == chosen {
			return chosen
		}
	}
	accept := strings.ReplaceAll(acceptLanguage, "_", "-")
	if i := strings.IndexByte(accept, '.'); i >= 0 && !strings.Contains(accept, ";") {
		accept = accept[:i]
	}
	if len(accept) > maxAccept {
		accept = accept[:strings.LastIndexByte(accept[:maxAccept], ',')+1]
		accept = strings.TrimSuffix(accept, ",")
	}
	tags, _, err := language.ParseAcceptLanguage(accept)
	if err != nil || len(tags) == 0 {
		return languages[0].Tag
	}
	_, i, _ := matcher.Match(tags...)
	return languages[i].Tag
}

// Catalog holds every sentence in every language. It is safe for concurrent use.
type Catalog struct{ printers map[string]Printer }

// New reads the embedded sentences. It fails only when a file is not valid,
// which is a defect of the build.
func New() (*Catalog, error) {
	bundle := i18n.NewBundle(language.English)
	entries, err := keyFiles.ReadDir("keys")
	if err != nil {
		return nil, fmt.Errorf("i18n: %w", err)
	}
	for _, e := range entries {
		if _, err := bundle.LoadMessageFileFS(keyFiles, "keys/"+e.Name()); err != nil {
			return nil, fmt.Errorf("i18n: %s: %w", e.Name(), err)
		}
	}
	c := &Catalog{printers: make(map[string]Printer, len(languages))}
	for _, l := range languages {
		c.printers[l.Tag] = Printer{
			lang:    l,
			loc:     i18n.NewLocalizer(bundle, l.Tag),
			numbers: message.NewPrinter(language.MustParse(l.Tag + "-u-nu-latn")),
		}
	}
	return c, nil
}

// Lang returns the printer for a tag: exactly one of the six, or whatever
// Match makes of it.
func (c *Catalog) Lang(tag string) Printer {
	if p, ok := c.printers[tag]; ok {
		return p
	}
	return c.printers[Match(tag, "")]
}

// Printer writes in one language. It is safe for concurrent use.
type Printer struct {
	lang    Language
	loc     *i18n.Localizer
	numbers *message.Printer
}

// Tag returns the language tag: "fr".
func (p Printer) Tag() string { return p.lang.Tag }

// Dir returns the direction of writing: "ltr" or "rtl".
func (p Printer) Dir() string { return p.lang.Dir }

// T returns the sentence for a message; "" for the zero message.
func (p Printer) T(m comity.Message) string { return p.sentence(m, 0) }

// maxNested bounds how deep an argument may name a message again.
const maxNested = 3

func (p Printer) sentence(m comity.Message, depth int) string {
	if m.Key == "" {
		return ""
	}
	conf := i18n.LocalizeConfig{MessageID: m.Key}
	if len(m.Args) > 0 {
		data := make(map[string]string, len(m.Args))
		for _, a := range m.Args {
			if n, ok := count(a); ok {
				conf.PluralCount = n
				data[a.Name] = p.Number(n)
				continue
			}
			data[a.Name] = p.argument(a.Value, depth)
		}
		conf.TemplateData = data
	}
	s, _ := p.loc.Localize(&conf) // an error with a text is the English fallback
	if s == "" {
		return m.Key
	}
	return s
}

// inside reads a message that stands in an argument, as comity.A writes it.
func inside(s string) comity.Message {
	key, query, _ := strings.Cut(s, "?")
	m := comity.Msg(key)
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		name, value, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(name)
		value, err2 := url.QueryUnescape(value)
		if err1 == nil && err2 == nil {
			m.Args = append(m.Args, comity.Arg{Name: name, Value: value})
		}
	}
	return m
}

// argument translates what names a message and isolates foreign text, so that
// a Latin name does not turn an Arabic sentence around, nor the reverse.
func (p Printer) argument(v string, depth int) string {
	if inner, ok := strings.CutPrefix(v, "msg:"); ok && depth < maxNested {
		return p.sentence(inside(inner), depth+1)
	}
	const firstStrongIsolate, popIsolate = "\u2068", "\u2069"
	if v != "" && (p.lang.Dir == "rtl") != rightToLeft(v) {
		return firstStrongIsolate + v + popIsolate
	}
	return v
}

// rightToLeft reports whether s holds a letter of a script written that way.
func rightToLeft(s string) bool {
	for _, r := range s {
		if unicode.In(r, unicode.Arabic, unicode.Hebrew, unicode.Syriac, unicode.Thaana) {
			return true
		}
	}
	return false
}
