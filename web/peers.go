package web

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

// maxNote bounds an identity note that is pasted or uploaded.
const maxNote = 1 << 20

// peersPage lists the peers, adds one, and hands out this node's own note.
type peersPage struct {
	frame
	List        []node.PeerView
	ID          comity.MemberID
	Fingerprint string
	URL         string
	Typed, Note string // of the form when it was refused
}

func (peersPage) name() string { return "peers" }

func (w *Web) peerList(r *request) (view, error) {
	list, err := w.node.Peers(r.Context())
	if err != nil {
		return nil, err
	}
	s, err := w.node.Status(r.Context())
	if err != nil {
		return nil, err
	}
	v := &peersPage{List: list, ID: s.ID, Fingerprint: s.Fingerprint, URL: s.Profile.URL}
	v.Title, v.Section, v.Here = r.p.T(comity.Msg("web.nav.peers")), "peers", "/peers"
	if r.problem != nil {
		v.Typed, v.Note = r.FormValue("url"), r.FormValue("note")
	}
	return v, nil
}

func (w *Web) peerAdd(r *request) (view, error) {
	if err := r.ParseMultipartForm(maxNote); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		return nil, badForm(r, err)
	}
	note, err := noteOf(r)
	url := strings.TrimSpace(r.FormValue("url"))
	if err == nil && len(note) == 0 && url == "" {
		err = comity.E(comity.Usage, "peer add", "", comity.Msg("web.peer.nothing"), nil)
	}
	var p node.PeerView
	if err == nil {
		p, err = w.node.AddPeer(r.Context(), r.actor(), url, note)
	}
	if err != nil {
		r.problem = err
		return w.peerList(r)
	}
	return redirect{to: "/peers/" + escapePath(string(p.ID)), done: "peer_added"}, nil
}

// noteOf returns the identity note from the file or the box; nil when neither
// is filled.
func noteOf(r *request) ([]byte, error) {
	if r.MultipartForm != nil {
		for _, h := range r.MultipartForm.File["file"] {
			if h.Size == 0 {
				continue
			}
			f, err := h.Open()
			if err != nil {
				return nil, badForm(r, err)
			}
			defer f.Close()
			return io.ReadAll(io.LimitReader(f, maxNote))
		}
	}
	// Browsers send CR LF from a text box; a note has LF.
	note := strings.ReplaceAll(r.FormValue("note"), "\r\n", "\n")
	if strings.TrimSpace(note) == "" {
		return nil, nil
	}
	return []byte(strings.TrimRight(note, "\n") + "\n"), nil
}

func (w *Web) identityNote(r *request) (view, error) {
	note, err := w.node.IdentityNote(r.Context())
	if err != nil {
		return nil, err
	}
	return download{kind: "text/plain; charset=utf-8", file: "identity-" + r.self.ID.Short() + ".note", body: note}, nil
}

// peerPage is one peer: who it is, how far it is trusted, what flows.
type peerPage struct {
	frame
	node.PeerView
	Code  []string // groups of the pair code
	Typed string
	Step  int // of the way to exchange: 1 compare, 2 agree, 3 done
}

func (peerPage) name() string { return "peer" }

func (w *Web) peerShow(r *request) (view, error) {
	p, err := w.node.Peer(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	v := &peerPage{PeerView: p, Code: strings.Fields(p.PairCode), Step: 1}
	v.Title, v.Section = p.Name, "peers"
	if v.Title == "" {
		v.Title = p.ID.Grouped()
	}
	v.Crumbs = []crumb{{r.p.T(comity.Msg("web.nav.peers")), "/peers"}}
	v.Here = "/peers/" + escapePath(string(p.ID))
	switch {
	case p.State == comity.PeerActive:
		v.Step = 3
	case p.Verified():
		v.Step = 2
	}
	if r.problem != nil {
		v.Typed = r.PostFormValue("code")
	}
	return v, nil
}

func (w *Web) peerVerify(r *request) (view, error) {
	if err := r.form(); err != nil {
		return nil, err
	}
	return w.peerChange(r, "peer_verified", func() error {
		_, err := w.node.VerifyPeer(r.Context(), r.actor(), r.PathValue("id"), r.PostFormValue("code"))
		return err
	})
}

func (w *Web) peerSuspend(r *request) (view, error) {
	if err := r.form(); err != nil {
		return nil, err
	}
	suspend, done := true, "peer_suspended"
	if r.PostFormValue("resume") == "yes" {
		suspend, done = false, "peer_resumed"
	}
	return w.peerChange(r, done, func() error {
		_, err := w.node.SuspendPeer(r.Context(), r.actor(), r.PathValue("id"), suspend)
		return err
	})
}

// peerChange carries a change out and shows the peer, or the form with the problem.
func (w *Web) peerChange(r *request, done string, do func() error) (view, error) {
	if err := do(); err != nil {
		r.problem = err
		return w.peerShow(r)
	}
	return redirect{to: "/peers/" + escapePath(r.PathValue("id")), done: done}, nil
}

// confirmPage asks before a step that cannot be taken back.
type confirmPage struct {
	frame
	Key    string // web.confirm.<key>.*
	Who    string
	Action string // address of the form
	Back   string
}

func (confirmPage) name() string { return "confirm" }

func (w *Web) peerEndForm(r *request) (view, error) {
	p, err := w.node.Peer(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	back := "/peers/" + escapePath(string(p.ID))
	v := &confirmPage{Key: "peer_end", Who: p.Name, Action: back + "/end", Back: back}
	v.Title, v.Section = r.p.T(comity.Msg("web.confirm.peer_end.title", comity.A("name", p.Name))), "peers"
	v.Crumbs = []crumb{{r.p.T(comity.Msg("web.nav.peers")), "/peers"}, {p.Name, back}}
	return v, nil
}

func (w *Web) peerEnd(r *request) (view, error) {
	return w.peerChange(r, "peer_ended", func() error {
		_, err := w.node.EndPeer(r.Context(), r.actor(), r.PathValue("id"))
		return err
	})
}
