package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
	"github.com/comity-net/comity/store"
)

// The inputs of the operations. Bounds in tags are checked by huma, which does
// not see into embedded types that are not exported: none is embedded.
type (
	none     struct{}
	objectID struct {
		ID comity.ObjectID `path:"id" maxLength:"300"`
	}
	nameIn struct {
		ID string `path:"id" maxLength:"300"`
	}
	question struct {
		Value string `query:"value" required:"true" minLength:"1" maxLength:"8192"`
	}
	textIn struct {
		Body struct {
			Text string `json:"text" minLength:"1" maxLength:"5242880"`
		}
	}
	objectsIn struct {
		Limit int      `query:"limit" minimum:"1" maximum:"1000" default:"100"`
		Type  []string `query:"type"`
		After string   `query:"after" doc:"next of the page before"`
	}
	explainIn struct {
		ID  comity.ObjectID `path:"id" maxLength:"300"`
		For string          `query:"for" maxLength:"300" doc:"one member; all when empty"`
	}
	whyIn struct {
		ID   comity.ObjectID `path:"id" maxLength:"300"`
		Body struct {
			Why string `json:"why,omitempty" maxLength:"200"`
		}
	}
	markIn struct {
		ID   comity.ObjectID `path:"id" maxLength:"300"`
		Body struct {
			TLP string `json:"tlp" maxLength:"20"`
			Why string `json:"why,omitempty" maxLength:"200"`
		}
	}
	shareIn struct {
		Body struct {
			With       string            `json:"with" maxLength:"64" doc:"agreement id or its beginning"`
			IDs        []comity.ObjectID `json:"ids,omitempty" maxItems:"10000"`
			Types      []string          `json:"types,omitempty" maxItems:"100"`
			Collection string            `json:"collection,omitempty"`
			Import     comity.ImportID   `json:"import,omitempty"`
			All        bool              `json:"all,omitempty"`
			DryRun     bool              `json:"dry_run,omitempty"`
		}
	}
	beforeIn struct {
		Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
		Before string `query:"before" maxLength:"64"`
	}
	afterIn struct {
		ID    string `path:"id" maxLength:"300"`
		Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
		After int64  `query:"after" minimum:"0"`
	}
	undoIn struct {
		ID   string `path:"id" maxLength:"300"`
		Body struct {
			Withdraw bool `json:"withdraw,omitempty"`
		}
	}
	entriesIn struct {
		ID    string `path:"id" maxLength:"300"`
		Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
		From  int64  `query:"from" minimum:"0"`
	}
	verifyIn struct {
		Body struct {
			Channel string `json:"channel,omitempty" maxLength:"64" doc:"all when empty"`
		}
	}
)

func (s *server) status(ctx context.Context, _ *none) (Status, error) {
	v, err := s.n.Status(ctx)
	return statusOf(v), err
}

func (s *server) find(ctx context.Context, in *question) (Found, error) {
	v, err := s.n.Find(ctx, in.Value)
	return foundOf(v), err
}

func (s *server) findText(ctx context.Context, in *textIn) (Found, error) {
	v, err := s.n.Find(ctx, in.Body.Text)
	return foundOf(v), err
}

// objectsPage is one page of objects.
type objectsPage struct {
	Objects []Version `json:"objects"`
	Next    string    `json:"next,omitempty"` // absent on the last page
}

func (s *server) objects(ctx context.Context, in *objectsIn) (objectsPage, error) {
	after, err := strconv.ParseInt(in.After, 10, 64)
	if in.After != "" && err != nil {
		return objectsPage{}, comity.E(comity.Usage, "objects", in.After, comity.Msg("api.bad_cursor"), err)
	}
	vs, err := s.n.List(ctx, store.Query{Types: in.Type, After: store.OID(after), Newest: true, Limit: in.Limit})
	out := objectsPage{Objects: each(vs, versionOf)}
	if len(vs) == in.Limit && len(vs) > 0 {
		out.Next = strconv.FormatInt(int64(vs[len(vs)-1].OID), 10)
	}
	return out, err
}

func (s *server) object(ctx context.Context, in *objectID) (Object, error) {
	v, err := s.n.Show(ctx, in.ID)
	return objectOf(v), err
}

func (s *server) bytes(ctx context.Context, in *objectID) ([]byte, error) {
	v, err := s.n.Show(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if v.Object.Raw == nil {
		return nil, comity.E(comity.NotFound, "object-raw", in.ID, comity.Msg("api.erased"), nil)
	}
	return v.Object.Raw, nil
}

// listed is the body of an operation that lists.
type listed[T any] struct {
	Items []T `json:"items"`
}

func items[A, B any](in []A, f func(A) B) listed[B] { return listed[B]{each(in, f)} }

func same[T any](v T) T { return v }

func (s *server) explain(ctx context.Context, in *explainIn) (listed[node.MemberDecision], error) {
	ds, err := s.n.Explain(ctx, in.ID, in.For)
	return items(ds, same), err
}

func (s *server) revoke(ctx context.Context, in *whyIn) (node.LifecycleResult, error) {
	return s.n.Revoke(ctx, actor(ctx), in.ID, in.Body.Why)
}

func (s *server) erase(ctx context.Context, in *whyIn) (node.LifecycleResult, error) {
	return s.n.Erase(ctx, actor(ctx), in.ID, in.Body.Why)
}

func (s *server) mark(ctx context.Context, in *markIn) (node.LifecycleResult, error) {
	t, ok := comity.ParseTLP(in.Body.TLP)
	if !ok {
		return node.LifecycleResult{}, comity.E(comity.Usage, "mark", in.Body.TLP, comity.Msg("api.bad_tlp"), nil)
	}
	return s.n.Mark(ctx, actor(ctx), in.ID, t, in.Body.Why)
}

func (s *server) share(ctx context.Context, in *shareIn) (node.ShareResult, error) {
	b := in.Body
	r := node.ShareRequest{IDs: b.IDs, With: b.With, DryRun: b.DryRun}
	if len(b.IDs) == 0 {
		r.Query = &node.ShareQuery{Types: b.Types, Collection: b.Collection, Import: b.Import, All: b.All}
		if !b.All && len(b.Types) == 0 && b.Collection == "" && b.Import == "" {
			return node.ShareResult{}, comity.E(comity.Usage, "share", "", comity.Msg("api.share_nothing"), nil)
		}
	}
	return s.n.Share(ctx, actor(ctx), r)
}

// importIn streams the request body; huma does not read it.
type importIn struct {
	Name       string   `query:"name" maxLength:"300" doc:"shown as the source"`
	Format     string   `query:"format" enum:"auto,stix,list,csv,text" default:"auto"`
	TLP        string   `query:"tlp" maxLength:"20" doc:"for objects that carry no label"`
	Collection string   `query:"collection" maxLength:"100"`
	Mode       string   `query:"mode" enum:"standard,strict,lenient" default:"standard"`
	Columns    string   `query:"columns" maxLength:"1000"`
	Label      []string `query:"label"`

	body *http.Request
	w    http.ResponseWriter
}

// Resolve keeps the request so that its body can be read as a stream.
func (in *importIn) Resolve(ctx huma.Context) []error {
	in.body, in.w = humago.Unwrap(ctx)
	return nil
}

func (s *server) importBody(ctx context.Context, in *importIn) (Import, error) {
	name := in.Name
	if name == "" {
		name = "api"
	}
	im, err := s.n.Import(ctx, actor(ctx), node.ImportRequest{
		Source: "-", Reader: http.MaxBytesReader(in.w, in.body.Body, s.opts.MaxImport), Name: name, Format: in.Format,
		TLP: in.TLP, Collection: in.Collection, Mode: in.Mode, Columns: in.Columns, Labels: in.Label,
	})
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		err = comity.E(comity.TooLarge, "import", name, comity.Msg("api.import_too_large", comity.A("max", tooLarge.Limit)), err)
	}
	return importOf(im), err
}

func (s *server) imports(ctx context.Context, in *beforeIn) (listed[Import], error) {
	ims, err := s.n.Imports(ctx, comity.ImportID(in.Before), in.Limit)
	return items(ims, importOf), err
}

func (s *server) importOne(ctx context.Context, in *nameIn) (Import, error) {
	im, err := s.n.ImportByID(ctx, in.ID)
	return importOf(im), err
}

func (s *server) refused(ctx context.Context, in *afterIn) (listed[Refusal], error) {
	rs, err := s.n.Refusals(ctx, comity.ImportID(in.ID), in.After, in.Limit)
	return items(rs, refusalOf), err
}

func (s *server) undo(ctx context.Context, in *undoIn) (undo, error) {
	r, err := s.n.UndoImport(ctx, actor(ctx), in.ID, in.Body.Withdraw)
	return undoOf(r), err
}

func (s *server) collections(ctx context.Context, _ *none) (listed[collection], error) {
	cs, err := s.n.Collections(ctx)
	return items(cs, collectionOf), err
}

func (s *server) peers(ctx context.Context, _ *none) (listed[Peer], error) {
	ps, err := s.n.Peers(ctx)
	return items(ps, peerOf), err
}

func (s *server) peer(ctx context.Context, in *nameIn) (Peer, error) {
	p, err := s.n.Peer(ctx, in.ID)
	return peerOf(p), err
}

func (s *server) agreements(ctx context.Context, _ *none) (listed[Agreement], error) {
	as, err := s.n.Agreements(ctx)
	return items(as, agreementOf), err
}

func (s *server) agreement(ctx context.Context, in *nameIn) (Agreement, error) {
	a, err := s.n.Agreement(ctx, in.ID)
	return agreementOf(a), err
}

func (s *server) channels(ctx context.Context, _ *none) (listed[Channel], error) {
	cs, err := s.n.Channels(ctx)
	return items(cs, channelOf), err
}

func (s *server) entries(ctx context.Context, in *entriesIn) (listed[Entry], error) {
	c, err := s.n.Channel(ctx, in.ID)
	if err != nil {
		return listed[Entry]{}, err
	}
	es, err := s.n.Entries(ctx, c.ID, in.From, in.Limit)
	return items(es, entryOf), err
}

func (s *server) verify(ctx context.Context, in *verifyIn) (listed[node.VerifyReport], error) {
	rs, err := s.n.Verify(ctx, actor(ctx), in.Body.Channel, nil)
	return items(rs, same), err
}

func (s *server) audit(ctx context.Context, in *beforeIn) (listed[audit], error) {
	before, err := strconv.ParseInt(in.Before, 10, 64)
	if in.Before != "" && err != nil {
		return listed[audit]{}, comity.E(comity.Usage, "audit", in.Before, comity.Msg("api.bad_cursor"), err)
	}
	as, err := s.n.Audits(ctx, before, in.Limit)
	return items(as, auditOf), err
}
