package taxii

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/comity-net/comity"
)

// CheckOptions say what a check may do.
type CheckOptions struct {
	// Root and Collection choose what to look at; empty ones are found: the
	// default API root, and the first collection that has objects.
	Root, Collection string
	// Write allows posting one object to the collection, if it is writable, and
	// deleting it again. Without it nothing is changed.
	Write bool
	// Now is the clock: time.Now.
	Now func() time.Time
}

// Outcome is what became of a check.
type Outcome string

// The outcomes. Warned is what the standard recommends or leaves open and clients
// are known to stumble over; Skipped says that the server gave no occasion.
const (
	Passed  Outcome = "ok"
	Failed  Outcome = "fail"
	Warned  Outcome = "warn"
	Skipped Outcome = "skipped"
)

// CheckResult is one rule of the standard, held against a server.
type CheckResult struct {
	Section string         `json:"section"` // of TAXII 2.1
	Name    string         `json:"name"`    // stable: "added_after_strict"
	Outcome Outcome        `json:"result"`
	Seen    string         `json:"seen"` // the facts: statuses, headers, values; no language
	Why     comity.Message `json:"why"`  // what the rule is and what breaks without it
}

// Report is the result of Check.
type Report struct {
	URL        string        `json:"url"`
	Root       string        `json:"root,omitempty"`
	Collection string        `json:"collection,omitempty"`
	Started    time.Time     `json:"started"`
	Checks     []CheckResult `json:"checks"`
}

// Count says how many checks had an outcome.
func (r Report) Count(o Outcome) int {
	n := 0
	for _, c := range r.Checks {
		if c.Outcome == o {
			n++
		}
	}
	return n
}

// WriteTable writes the report for a terminal: a line for each check, and the
// reason under each that failed or warns. text says a message in the reader's language.
func (r Report) WriteTable(w io.Writer, text func(comity.Message) string) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, c := range r.Checks {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", text(comity.Msg("taxii.result."+string(c.Outcome))), c.Section, c.Name, c.Seen)
		if c.Outcome == Failed || c.Outcome == Warned {
			fmt.Fprintf(t, "\t\t\t%s\n", text(c.Why))
		}
	}
	return t.Flush()
}

// Check holds a server against TAXII 2.1. base is the URL of its discovery, or of
// an API root; c must have been made for that origin. It asks one thing at a time,
// about eighty in all, and waits when told to slow down. It never fails: what
// cannot be reached fails its check.
func Check(ctx context.Context, c *Client, base string, o CheckOptions) Report {
	if o.Now == nil {
		o.Now = time.Now
	}
	p := &probe{ctx: ctx, c: c, o: o, report: Report{URL: base, Started: o.Now().UTC()}}
	p.serverChecks(base)
	if p.root != nil {
		p.rootChecks()
	}
	if p.at != nil {
		p.readChecks()
		p.filterChecks()
	}
	if p.root != nil {
		p.writeChecks()
	}
	p.everywhere()
	return p.report
}

// probe is a check under way.
type probe struct {
	ctx    context.Context
	c      *Client
	o      CheckOptions
	report Report

	tls    string // version seen
	roots  []string
	root   *url.URL
	col    Collection
	at     *url.URL // the collection
	sample []sample // the first records of the manifest, oldest first
	max    int64

	answers int    // that came at all
	untyped string // the first answer that was not of TAXII's media type
	slow    int    // answers 429,
	untold  int    // and how many of them without Retry-After
}

// sample is a manifest record of the server under test.
type sample struct {
	ID        string `json:"id"`
	DateAdded string `json:"date_added"`
	Version   string `json:"version"`
	Media     string `json:"media_type"`
}

// sectionOf says where in TAXII 2.1 each rule stands.
var sectionOf = map[string]string{
	"accept_bare":         "3.1",
	"content_type_all":    "3.1",
	"slash":               "3.1",
	"date_headers_all":    "3.2",
	"date_headers_fit":    "3.2",
	"date_unique":         "3.3",
	"added_after_twice":   "3.4",
	"match_type_standard": "3.4.1",
	"match_version_all":   "3.4.1",
	"match_version_twice": "3.4.1",
	"next_replay":         "3.5",
	"manifest_next":       "5.3.1",
	"failure_details":     "4.3.1",
	"retry_after":         "RFC 6585",
	"wrong_password":      "RFC 7235",
	"accept_list":         "3.1",
	"accept_other":        "3.1",
	"content_type":        "3.1",
	"challenge":           "3.2",
	"date_headers":        "3.2",
	"collections_order":   "3.3",
	"order":               "3.3",
	"added_after_bad":     "3.4",
	"added_after_strict":  "3.4",
	"limit":               "3.4",
	"limit_bad":           "3.4",
	"match_and":           "3.4",
	"match_twice":         "3.4",
	"match_type_or":       "3.4",
	"match_id":            "3.4.1",
	"match_spec_version":  "3.4.1",
	"match_type":          "3.4.1",
	"match_type_unknown":  "3.4.1",
	"match_version_bad":   "3.4.1",
	"match_version_exact": "3.4.1",
	"match_version_last":  "3.4.1",
	"manifest_paging":     "3.5",
	"next_bad":            "3.5",
	"paging":              "3.5",
	"odd_input":           "3.6",
	"error_body":          "3.6.1",
	"empty_page":          "3.7",
	"discovery":           "4.1",
	"discovery_roots":     "4.1.1",
	"roots_answer":        "4.1.1",
	"post_long":           "4.2.1",
	"root":                "4.2.1",
	"status":              "4.3",
	"status_unknown":      "4.3",
	"collections":         "5.1.1",
	"collection":          "5.2",
	"alias":               "5.2.1",
	"collection_resource": "5.2.1",
	"manifest_fits":       "5.3",
	"manifest":            "5.3.1",
	"objects":             "5.4",
	"read_back":           "5.4",
	"post":                "5.5",
	"post_again":          "5.5",
	"post_bad_object":     "5.5",
	"post_broken":         "5.5",
	"post_content_type":   "5.5",
	"object":              "5.6",
	"object_missing":      "5.6",
	"delete":              "5.7",
	"versions":            "5.8",
	"tls":                 "8.2.2",
	"method":              "RFC 9110",
	"not_modified":        "RFC 9110",
}

// is records a check; seen is shortened.
func (p *probe) is(name string, ok bool, seen string, args ...any) bool {
	out := Failed
	if ok {
		out = Passed
	}
	p.add(name, out, fmt.Sprintf(seen, args...))
	return ok
}

// advise records a check that can only warn.
func (p *probe) advise(name string, ok bool, seen string, args ...any) {
	out := Warned
	if ok {
		out = Passed
	}
	p.add(name, out, fmt.Sprintf(seen, args...))
}

func (p *probe) skip(names ...string) {
	for _, n := range names {
		p.add(n, Skipped, "")
	}
}

func (p *probe) add(name string, out Outcome, seen string) {
	p.report.Checks = append(p.report.Checks, CheckResult{sectionOf[name], name, out, clip(seen), comity.Msg("taxii.check." + name)})
}

// seen is an answer and how it reads in a report.
type reply struct {
	answer
	err error
}

func (r reply) String() string {
	if r.err != nil {
		return r.err.Error()
	}
	return fmt.Sprintf("HTTP %d, %s", r.status, r.header.Get("Content-Type"))
}

// taxii reports whether the answer is of TAXII's media type.
func (r reply) taxii() bool {
	typ, params, err := mime.ParseMediaType(r.header.Get("Content-Type"))
	return err == nil && typ == "application/taxii+json" && params["version"] == "2.1"
}

// refused reports whether the answer is one of these, and not HTML.
func (r reply) refused(statuses ...int) bool {
	for _, s := range statuses {
		if r.status == s {
			return !strings.HasPrefix(r.header.Get("Content-Type"), "text/html")
		}
	}
	return false
}

// into reads the JSON of a 200 or 202.
func (r reply) into(v any) bool {
	return r.err == nil && (r.status == 200 || r.status == 202) && json.Unmarshal(r.body, v) == nil
}

// get asks with headers as given ("" removes one); it waits when told to.
func (p *probe) get(u *url.URL, headers ...string) reply {
	return p.send(http.MethodGet, u, nil, headers...)
}

func (p *probe) send(method string, u *url.URL, body []byte, headers ...string) reply {
	for try := 0; ; try++ {
		r := p.once(method, u, body, headers)
		wait, told := retryAfter(r.header)
		if r.status == http.StatusTooManyRequests {
			p.slow++
			if !told {
				p.untold++
			}
		}
		if r.status != http.StatusTooManyRequests || try == 3 || p.c.o.Sleep(p.ctx, min(cmp.Or(wait, time.Second), p.c.o.MaxWait)) != nil || !told && try > 0 {
			return r
		}
	}
}

func (p *probe) once(method string, u *url.URL, body []byte, headers []string) reply {
	q, err := http.NewRequestWithContext(p.ctx, method, u.String(), strings.NewReader(string(body)))
	if err != nil {
		return reply{err: err}
	}
	p.c.head(q, request{method: method, accept: MediaTAXII})
	for i := 0; i < len(headers); i += 2 {
		if q.Header.Set(headers[i], headers[i+1]); headers[i+1] == "" {
			q.Header.Del(headers[i])
		}
	}
	res, err := p.c.http.Do(q)
	if err != nil {
		return reply{err: err}
	}
	defer res.Body.Close()
	if res.TLS != nil {
		p.tls = tlsName(res.TLS.Version)
	}
	r := reply{answer: answer{status: res.StatusCode, header: res.Header}}
	r.body, r.err = readAll(res.Body, p.c.o.MaxAnswer, u.String())
	p.answers++
	if r.status/100 == 2 && len(r.body) > 0 && !r.taxii() && p.untyped == "" {
		p.untyped = method + " " + u.Path + ": " + r.String()
	}
	return r
}

// with gives a URL with a query.
func with(u *url.URL, query ...string) *url.URL {
	v := url.Values{}
	for i := 0; i < len(query); i += 2 {
		v.Add(query[i], query[i+1])
	}
	c := *u
	c.RawQuery = v.Encode()
	return &c
}
