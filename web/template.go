package web

import (
	"fmt"
	"html/template"
	"net/url"
	"strings"
	"time"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/i18n"
	"github.com/comity-net/comity/node"
)

// parseTemplates reads every template once and binds it to each language.
func parseTemplates(cat *i18n.Catalog, files assets) map[string]*template.Template {
	base := template.Must(template.New("").Funcs(words(i18n.Printer{}, files)).ParseFS(embedded, "templates/*.html"))
	pages := make(map[string]*template.Template)
	for _, l := range i18n.Languages() {
		pages[l.Tag] = template.Must(base.Clone()).Funcs(words(cat.Lang(l.Tag), files))
	}
	return pages
}

// words are the functions that templates speak with, in one language.
func words(p i18n.Printer, files assets) template.FuncMap {
	return template.FuncMap{
		"t":      func(key string, args ...any) string { return p.T(keyed(key, args)) },
		"msg":    p.T,
		"num":    func(n any) string { return p.Number(whole(n)) },
		"bytes":  func(n any) string { return p.Bytes(whole(n)) },
		"dur":    p.Duration,
		"period": p.Period,
		"date":   func(t time.Time) template.HTML { return ltr(p.Date(t)) },
		"when":   func(t time.Time) template.HTML { return when(t, p.Time(t), "ltr") },
		"ago":    func(t, now time.Time) template.HTML { return when(t, p.Ago(t, now), p.Dir()) },
		"ltr":    func(v any) template.HTML { return ltr(fmt.Sprint(v)) },
		"tlpsay": func(t comity.TLP) string { return p.T(tlpMessage(t)) },
		"seg":    func(v any) string { return url.PathEscape(fmt.Sprint(v)) },
		"why":    func(code string) string { return p.T(whyMessage(code)) },
		"lower":  strings.ToLower,
		"join":   func(list []string) string { return strings.Join(list, ", ") },
		"tlps": func() []comity.TLP {
			return []comity.TLP{comity.Clear, comity.Green, comity.Amber, comity.AmberStrict, comity.Red}
		},
		"dict":   dict,
		"action": func(a string) string { return p.T(actionMessage(a)) },
		"asset":  files.path,
		"named":  named.link,
		"uses":   func(have []string) []choice { return purposeChoices(p, have) },
	}
}

// keyed makes a message of a key and pairs of name and value. A key that ends
// in a dot had an empty word put behind it and says nothing.
func keyed(key string, args []any) comity.Message {
	if strings.HasSuffix(key, ".") {
		return comity.Message{}
	}
	m := comity.Message{Key: strings.ReplaceAll(key, "-", "_")} // wire words hold hyphens, keys do not
	for i := 0; i+1 < len(args); i += 2 {
		m.Args = append(m.Args, comity.A(fmt.Sprint(args[i]), args[i+1]))
	}
	return m
}

// whole reads any of the whole numbers that views hold.
func whole(n any) int64 {
	switch n := n.(type) {
	case int:
		return int64(n)
	case int64:
		return n
	case uint64:
		return int64(n)
	case int32:
		return int64(n)
	}
	return 0
}

// ltr isolates what is written from left to right in every language (an id, a
// date, a number with its unit), so that an Arabic line does not tear it apart.
func ltr(text string) template.HTML {
	return template.HTML(`<bdi dir="ltr">` + template.HTMLEscapeString(text) + `</bdi>`)
}

// when writes a time element, isolated in its own direction; a script shows the
// reader's local time on it.
func when(t time.Time, text, dir string) template.HTML {
	if t.IsZero() {
		return template.HTML(`<span class="none">` + template.HTMLEscapeString(text) + `</span>`)
	}
	utc := t.UTC()
	return template.HTML(fmt.Sprintf(`<time datetime="%s" title="%s" dir="%s">%s</time>`,
		utc.Format(time.RFC3339), utc.Format("2006-01-02 15:04:05 UTC"), dir, template.HTMLEscapeString(text)))
}

// dict gives a shared template more than one value.
func dict(pairs ...any) map[string]any {
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		m[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return m
}

// whyCodes are the short reasons that a person chooses from; others may come
// from peers and are shown as they are.
var whyCodes = map[string][]string{
	"revoke": {"false_positive", "outdated", "mistake", "superseded"},
	"erase":  {"shared_by_mistake", "personal_data", "legal", "source_request"},
	"mark":   {"source_request", "wider_release", "sensitivity", "mistake"},
	"":       {node.WhyRetention}, // given by the node itself
}

func whyMessage(code string) comity.Message {
	for _, codes := range whyCodes {
		for _, c := range codes {
			if c == code {
				return comity.Msg("web.why." + code)
			}
		}
	}
	return comity.Msg("web.as_is", comity.A("text", code))
}

// actions are the audit's words that have a sentence.
var actions = map[string]bool{
	"collection.add":      true,
	"collection.remove":   true,
	"collection.describe": true,
	"collection.query":    true,
	"collection.open":     true,
	"collection.close":    true,
	"taxii.about":         true,
	"taxii.delete":        true,
	"taxii.root.put":      true,
	"taxii.root.remove":   true,
	"feed.put":            true,
	"feed.pause":          true,
	"feed.resume":         true,
	"feed.remove":         true,
	"import":              true,
	"import.undo":         true,
	"share":               true,
	"revoke":              true,
	"erase":               true,
	"mark":                true,
	"export":              true,
	"peer.add":            true,
	"peer.verify":         true,
	"peer.suspend":        true,
	"peer.resume":         true,
	"peer.end":            true,
	"peer.fault":          true,
	"agreement.propose":   true,
	"agreement.sign":      true,
	"agreement.suspend":   true,
	"agreement.resume":    true,
	"agreement.end":       true,
	"user.add":            true,
	"user.link":           true,
	"signin":              true,
	"signin.link":         true,
	"signin.certificate":  true,
	"certificate.add":     true,
	"certificate.remove":  true,
	"signout":             true,
	"setup":               true,
	"init":                true,
	"ledger.verify":       true,
	"channel.fault":       true,
	"token.add":           true,
	"token.revoke":        true,
	"password":            true,
	"user.disable":        true,
	"user.enable":         true,
	"url":                 true,
	"inbox":               true,
	"inbox.refused":       true,
	"entrance":            true,
	"forward":             true,
}

func actionMessage(a string) comity.Message {
	key := strings.ReplaceAll(strings.ToLower(a), " ", ".")
	if actions[key] {
		return comity.Msg("web.action." + key)
	}
	return comity.Msg("web.as_is", comity.A("text", a))
}
