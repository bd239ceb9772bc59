package taxii

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// writeChecks posts one object and deletes it, when allowed and possible.
func (p *probe) writeChecks() {
	names := []string{"post_content_type", "post_broken", "post_long", "post", "status", "post_again", "post_bad_object", "failure_details", "read_back", "delete"}
	if !p.o.Write || p.at == nil || !p.col.CanWrite {
		p.skip(names...)
		return
	}
	to := p.at.JoinPath("objects/")
	r := p.send("POST", to, []byte("{}"), "Content-Type", "text/plain")
	p.is("post_content_type", r.refused(415), "text/plain: %v", r)
	r = p.send("POST", to, []byte("{"), "Content-Type", MediaTAXII)
	p.is("post_broken", r.refused(400, 422), "%v", r)
	p.long(to)
	id, raw := probeObject(p.o.Now())
	body := []byte(`{"objects":[` + raw + `]}`)
	if !p.post(to, body, id) {
		p.skip(names[5:]...)
		return
	}
	r = p.send("POST", to, body)
	st, ok := p.final(r)
	p.is("post_again", ok && st.FailureCount == 0, "%v failure_count=%d", r, st.FailureCount)
	r = p.send("POST", to, []byte(`{"objects":[{"type":"indicator"}]}`))
	st, ok = p.final(r)
	p.is("post_bad_object", r.refused(400, 422) || ok && st.FailureCount == 1, "%v failure_count=%d", r, st.FailureCount)
	if r.status == 202 {
		named := len(st.Failures) == 1 && st.Failures[0].ID != "" && st.Failures[0].Message != ""
		p.advise("failure_details", named, "failure_count=%d failures=%+v", st.FailureCount, st.Failures)
	} else {
		p.skip("failure_details")
	}
	p.readBack(id, raw)
}

// long claims a body over max_content_length without sending it.
func (p *probe) long(to *url.URL) {
	if p.max <= 0 || p.max > 32<<20 {
		p.skip("post_long")
		return
	}
	r := p.send("POST", to, append([]byte(`{"objects":[`), bytes.Repeat([]byte(" "), int(p.max))...))
	// A server may close while it is being sent to.
	p.is("post_long", r.refused(413) || r.err != nil, "max_content_length=%d: %v", p.max, r)
}

// probeObject makes an identity that says what it is, with what careless servers
// change: microseconds, an unknown property, letters beyond ASCII, key order.
func probeObject(now time.Time) (id, raw string) {
	var u [16]byte
	rand.Read(u[:])
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	id = fmt.Sprintf("identity--%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
	t := now.UTC().Format("2006-01-02T15:04:05.000000Z07:00")
	return id, fmt.Sprintf(`{"x_comity_check":1.50,"type":"identity","spec_version":"2.1","id":"%s","created":"%s","modified":"%s","name":"Comity conformance check é 例","identity_class":"system"}`, id, t, t)
}

func (p *probe) post(to *url.URL, body []byte, id string) bool {
	r := p.send("POST", to, body)
	var j statusJSON
	ok := r.status == 202 && r.into(&j) && uuid4.MatchString(j.ID) && (j.Status == "complete" || j.Status == "pending") && !emptyList.Match(r.body)
	sum := j.Success + j.Failure + j.Pending
	p.is("post", ok && r.taxii() && (j.Total == sum || j.Total == 0), "%v status=%q total=%d success=%d failure=%d pending=%d", r, j.Status, j.Total, j.Success, j.Failure, j.Pending)
	st, done := p.final(r)
	failed := ""
	for _, f := range st.Failures {
		failed += " " + f.ID + ": " + f.Message
	}
	again := p.get(p.root.JoinPath("status", j.ID+"/"))
	p.is("status", done && again.into(&j) && j.ID == st.ID && st.SuccessCount == 1 && slicesMatch(j), "%v success_count=%d%s", again, st.SuccessCount, failed)
	return done && st.SuccessCount == 1
}

// slicesMatch reports whether each list that is there has its count's length.
func slicesMatch(j statusJSON) bool {
	fits := func(list []StatusDetail, n int) bool { return list == nil || len(list) == n }
	return fits(j.Successes, j.Success) && fits(j.Failures, j.Failure) && fits(j.Pendings, j.Pending)
}

// final waits for a post to be complete.
func (p *probe) final(r reply) (Status, bool) {
	if r.err != nil || r.status != 202 {
		return Status{}, false
	}
	st, err := readStatus(r.body, p.root)
	for try := 0; err == nil && !st.Complete && try < 30; try++ {
		if p.c.o.Sleep(p.ctx, time.Second) != nil {
			return st, false
		}
		st, err = readStatus(p.get(p.root.JoinPath("status", st.ID+"/")).body, p.root)
	}
	return st, err == nil && st.Complete
}

func (p *probe) readBack(id, raw string) {
	g := p.objects("match[id]", id)
	var got any
	same := false
	if len(g.Objects) == 1 {
		var want any
		json.Unmarshal(g.Objects[0], &got)
		json.Unmarshal([]byte(raw), &want)
		same = fmt.Sprint(got) == fmt.Sprint(want)
	}
	p.is("read_back", same, "n=%d %v", len(g.Objects), got)
	if !p.col.CanRead {
		p.skip("delete")
		return
	}
	r := p.send("DELETE", p.at.JoinPath("objects", id+"/"), nil)
	after := p.get(p.at.JoinPath("objects", id+"/"))
	m := p.page("manifest/", "match[id]", id)
	p.is("delete", r.status == 200 && after.status == 404 && !slices.Contains(m.ids, id) && !strings.Contains(string(m.body), id), "DELETE %v, GET %v", r, after)
}
