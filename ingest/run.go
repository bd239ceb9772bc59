package ingest

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/comity-net/comity"
)

const (
	chunkUnits = 256
	chunkBytes = 256 << 10
	batchItems = 5_000
	batchBytes = 8 << 20
	// unitCost is what an object costs beside its bytes.
	unitCost = 1 << 10
)

// inFlight bounds the bytes read and not yet taken by the Sink.
//
// INVARIANT: it holds a batch that is not yet full, a chunk that is being cut
// and a largest object at once, so the reader never waits for room that only
// its own progress could make (TestRunLargeObjects).
func inFlight(l Limits) int64 {
	largest := int64(max(l.Object, l.Line, textWindow))
	return 2*batchBytes + chunkBytes + largest + (chunkUnits+1)*unitCost
}

// Run reads r to its end and delivers what is in it to sink.
//
// When the input breaks off, is malformed beyond a point or goes over a limit,
// everything before that point is delivered first and the error names the place.
// When ctx ends or sink fails, Run stops at once. If r is an io.Closer it is
// closed when ctx ends or sink fails, so that a blocked Read returns; otherwise
// Run waits for that Read.
//
// The error is a *comity.Error: Invalid for what the input is, TooLarge for a
// limit, Interrupted when ctx ended, or what sink returned.
func Run(ctx context.Context, r io.Reader, opt Options, sink Sink) (Summary, error) {
	p := &pipeline{opt: opt, sink: sink}
	p.opt.Limits = opt.Limits.withDefaults()
	p.room = semaphore.NewWeighted(inFlight(p.opt.Limits))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p.in = newInput(ctx, r, p.opt)
	defer p.in.close()
	sum, err := p.run(ctx, cancel)
	sum.Bytes, sum.Unpacked = p.in.packed.Load(), p.in.unpacked.Load()
	if s, ok := p.src.(*stixSource); ok { // the reading goroutine has ended
		sum.Remarks = s.r.Report().Findings
	}
	return sum, err
}

// pipeline is one run. Its fields are set before the goroutines start.
type pipeline struct {
	opt  Options
	sink Sink
	in   *input
	src  source
	room *semaphore.Weighted
}

// unit is one item of the input, cut but not judged.
type unit struct {
	raw    []byte
	where  string           // "objects[17]"; "" when line says it
	line   int64            // from 1
	faults []comity.Finding // why it could not be cut; raw is its beginning
	value  comity.Value     // what raw is, when already known
}

// chunk is the piece of work of one judge.
type chunk struct {
	units []unit
	cost  int64
	read  int64 // bytes of the input read when it was cut
	err   error // the input ends behind this chunk; io.EOF when all is well
	done  chan struct{}
	out   results
}

// results is what judging a chunk gave.
type results struct {
	objects  []comity.Object
	findings [][]comity.Finding
	refusals []comity.Refusal
	warned   int64
	err      error
}

// source cuts one format into units and judges them.
type source interface {
	// next returns the next unit; io.EOF after the last. Only one goroutine calls it.
	next() (unit, error)
	// judge adds to out what the units are. Several goroutines call it at once.
	judge(ctx context.Context, us []unit, out *results) error
}

func (p *pipeline) run(ctx context.Context, cancel context.CancelFunc) (sum Summary, err error) {
	var wg sync.WaitGroup
	defer func() {
		cancel() // whatever ended the gathering ends the others
		if c, ok := p.in.raw.(io.Closer); ok && err != nil {
			c.Close()
		}
		wg.Wait()
	}()
	work := make(chan *chunk)
	inOrder := make(chan *chunk, 64)
	wg.Go(func() {
		defer close(inOrder)
		defer close(work)
		p.read(ctx, work, inOrder)
	})
	for range max(1, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for c := range work {
				c.out.err = p.src.judge(ctx, c.units, &c.out)
				c.units = nil
				close(c.done)
			}
		})
	}
	g := gatherer{pipeline: p, meter: newMeter(p.opt)}
	return g.gather(ctx, inOrder)
}

// read cuts the input into chunks until it ends.
func (p *pipeline) read(ctx context.Context, work, inOrder chan<- *chunk) {
	err := p.open()
	var count int64
	for err == nil {
		c := &chunk{done: make(chan struct{})}
		err = p.fill(ctx, c, &count)
		if err != nil {
			c.err = err
		}
		c.read = p.in.packed.Load()
		if ctx.Err() != nil {
			return
		}
		select {
		case inOrder <- c:
		case <-ctx.Done():
			return
		}
		select {
		case work <- c:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
	c := &chunk{err: err, done: make(chan struct{})}
	close(c.done)
	select {
	case inOrder <- c:
	case <-ctx.Done():
	}
}

// open unpacks the input and chooses the source.
func (p *pipeline) open() error {
	if err := p.in.open(); err != nil {
		return err
	}
	src, err := newSource(p)
	if err != nil {
		return err
	}
	p.src = src
	return nil
}

// fill puts units into c until it is full.
func (p *pipeline) fill(ctx context.Context, c *chunk, count *int64) error {
	size := 0
	for len(c.units) < chunkUnits && size < chunkBytes {
		u, err := p.src.next()
		if err != nil {
			return p.in.explain(err)
		}
		if *count++; *count > p.opt.Limits.Count {
			return p.in.tooLarge("ingest.too_many", comity.A("max", p.opt.Limits.Count))
		}
		cost := int64(len(u.raw) + unitCost)
		if err := p.room.Acquire(ctx, cost); err != nil {
			return err
		}
		c.cost += cost
		size += len(u.raw)
		c.units = append(c.units, u)
	}
	return nil
}

// gatherer puts judged chunks together in order. Only Run's goroutine uses it.
type gatherer struct {
	*pipeline
	meter *meter
	batch Batch
	cost  int64
	sum   Summary
}

func (g *gatherer) gather(ctx context.Context, inOrder <-chan *chunk) (Summary, error) {
	for {
		var c *chunk
		select {
		case c = <-inOrder:
		case <-ctx.Done():
		}
		if c == nil { // the reader stopped because ctx ended
			return g.sum, g.interrupted(ctx)
		}
		select {
		case <-c.done:
		case <-ctx.Done():
			return g.sum, g.interrupted(ctx)
		}
		if g.src != nil && g.sum.Format == "" {
			g.sum.Format = g.in.format
		}
		if err := g.add(ctx, c); err != nil {
			return g.sum, err
		}
		if c.err == nil {
			continue
		}
		if err := g.flush(ctx); err != nil {
			return g.sum, err
		}
		g.meter.tick(g.sum, g.in.packed.Load(), true)
		if errors.Is(c.err, io.EOF) {
			return g.sum, nil
		}
		if ctx.Err() != nil {
			return g.sum, g.interrupted(ctx)
		}
		return g.sum, c.err
	}
}

// add takes a judged chunk into the batch, and delivers the batch first where it
// would grow over a bound.
func (g *gatherer) add(ctx context.Context, c *chunk) error {
	items := len(c.out.objects) + len(c.out.refusals)
	if len(g.batch.Objects)+len(g.batch.Refusals)+items > batchItems || g.cost+c.cost > batchBytes {
		if err := g.flush(ctx); err != nil {
			return err
		}
	}
	g.cost += c.cost
	if g.batch.Objects == nil && len(c.out.objects) == chunkUnits { // more will come
		g.batch.Objects = make([]comity.Object, 0, batchItems)
		g.batch.Findings = make([][]comity.Finding, 0, batchItems)
	}
	g.batch.Objects = append(g.batch.Objects, c.out.objects...)
	g.batch.Findings = append(g.batch.Findings, c.out.findings...)
	g.sum.Accepted += int64(len(c.out.objects))
	g.sum.Warned += c.out.warned
	for _, r := range c.out.refusals {
		g.sum.Refused++
		if g.sum.Refused > g.opt.Limits.Refusals {
			g.sum.Unkept++
			continue
		}
		g.batch.Refusals = append(g.batch.Refusals, r)
	}
	g.batch.BytesRead = max(g.batch.BytesRead, c.read)
	if c.out.err != nil {
		return c.out.err
	}
	if g.cost >= batchBytes {
		return g.flush(ctx)
	}
	g.meter.tick(g.sum, c.read, false)
	return nil
}

// flush delivers the batch.
func (g *gatherer) flush(ctx context.Context) error {
	if len(g.batch.Objects)+len(g.batch.Refusals) > 0 {
		if err := ctx.Err(); err != nil {
			return g.interrupted(ctx)
		}
		if err := g.sink(ctx, g.batch); err != nil {
			return err
		}
	}
	g.room.Release(g.cost)
	g.batch, g.cost = Batch{BytesRead: g.batch.BytesRead}, 0
	return nil
}

func (g *gatherer) interrupted(ctx context.Context) error {
	return comity.E(comity.Interrupted, "import", g.opt.Name,
		comity.Msg("ingest.interrupted", comity.A("n", g.sum.Accepted)), context.Cause(ctx))
}
