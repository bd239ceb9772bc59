package sqlite

import (
	"context"
	"strconv"
	"strings"

	"zombiezen.com/go/sqlite"

	"github.com/comity-net/comity/store"
	"github.com/comity-net/comity/store/internal/index"
)

// Texts are indexed behind the commit that stored them: meta 'text' is the
// number up to which it is done. A search reads the rest, which keepUp bounds,
// word by word, so it misses nothing. INVARIANT: a version stands in words if
// and only if its number is at most meta 'text' and it is current, not erased.
const (
	textTail = 30000 // texts that may wait
	textStep = 500   // texts indexed in one transaction while nobody waits
	textHaul = 2500  // the same after a large import, which pays for each commit
)

// SearchText implements store.TextReader: first those whose name has all the
// words, then the others, each the newest first.
func (r *reader) SearchText(ctx context.Context, words string, limit int) ([]store.Version, error) {
	terms := index.Query(words)
	if len(terms) == 0 {
		return nil, nil
	}
	limit = index.AtMost(limit, 50, 1000)
	named, others, err := r.searchTail(ctx, terms, limit)
	if err != nil {
		return nil, err
	}
	inNames, err := r.searchWords(terms, index.NameMark, limit)
	if err != nil {
		return nil, err
	}
	named = append(named, inNames...)
	if len(named) < limit {
		more, err := r.searchWords(terms, "", limit)
		if err != nil {
			return nil, err
		}
		others = append(others, more...)
	}
	return r.found(ctx, append(named, others...), limit)
}

// found reads the versions, each once.
func (r *reader) found(ctx context.Context, oids []store.OID, limit int) ([]store.Version, error) {
	seen := make(map[store.OID]bool, len(oids))
	var out []store.OID
	for _, oid := range oids {
		if !seen[oid] && len(out) < limit {
			seen[oid] = true
			out = append(out, oid)
		}
	}
	return r.ByOID(ctx, out, false)
}

func (r *reader) searchWords(terms []index.Term, mark string, limit int) ([]store.OID, error) {
	var match strings.Builder
	for i, t := range terms {
		if i > 0 {
			match.WriteString(" AND ")
		}
		match.WriteString(`"` + mark + t.Text + `"`)
		if t.Prefix {
			match.WriteString(" *")
		}
	}
	return collect(r, func(s *sqlite.Stmt) (store.OID, error) { return store.OID(s.ColumnInt64(0)), nil },
		"SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid DESC LIMIT 0+?", match.String(), limit)
}

// searchTail reads the texts that are not indexed yet.
func (r *reader) searchTail(ctx context.Context, terms []index.Term, limit int) (named, others []store.OID, err error) {
	mark, err := r.mark("text")
	if err != nil {
		return nil, nil, err
	}
	err = r.query(`
		SELECT o.oid, o.name, `+besideColumns+`
		FROM content c CROSS JOIN object o ON o.oid = c.oid
		WHERE c.oid > ? AND o.latest = 1
		ORDER BY c.oid DESC`,
		func(s *sqlite.Stmt) error {
			oid := store.OID(s.ColumnInt64(0))
			_, _, text, err := r.beside(s, 2)
			if err != nil {
				return err
			}
			all, inName := index.Match(index.Words(s.ColumnText(1), text), terms)
			switch {
			case inName && len(named) < limit:
				named = append(named, oid)
			case all && len(others) < limit:
				others = append(others, oid)
			}
			return alive(ctx)
		}, mark)
	return named, others, err
}

// keepUp indexes texts after a batch when too many wait: a long import pays
// here for what searches would otherwise have to read.
func (w *writer) keepUp() {
	for {
		last, err := w.mark("oid")
		if err != nil {
			return
		}
		mark, err := w.mark("text")
		if err != nil || last-mark <= textTail {
			return
		}
		if more, err := w.indexTexts(textHaul); err != nil || !more {
			return
		}
	}
}

// indexTexts indexes the next texts and reports whether there may be more.
func (w *writer) indexTexts(step int) (bool, error) {
	last, err := w.mark("oid")
	if err != nil {
		return false, err
	}
	if mark, err := w.mark("text"); err != nil || mark >= last {
		return false, err
	}
	if err := w.exec("BEGIN IMMEDIATE"); err != nil {
		return false, err
	}
	if err := w.indexTextsLocked(step); err != nil {
		w.rollback()
		return false, err
	}
	return true, w.commit()
}

type textRow struct {
	oid        int64
	name, text string
}

func (w *writer) indexTextsLocked(step int) error {
	mark, err := w.mark("text")
	if err != nil {
		return err
	}
	rows, err := collect(&w.reader, func(s *sqlite.Stmt) (textRow, error) {
		_, _, text, err := w.beside(s, 2)
		return textRow{s.ColumnInt64(0), s.ColumnText(1), text}, err
	}, `SELECT o.oid, o.name, `+besideColumns+`
		FROM content c CROSS JOIN object o ON o.oid = c.oid
		WHERE c.oid > ? AND o.latest = 1 ORDER BY c.oid LIMIT 0+?`, mark, step)
	if err != nil {
		return err
	}
	next := int64(0)
	for _, row := range rows {
		next = row.oid
		if err := w.addWords(row); err != nil {
			return err
		}
	}
	if len(rows) < step {
		if next, err = w.mark("oid"); err != nil {
			return err
		}
	}
	return w.setMark("text", next)
}

func (r *reader) addWords(row textRow) error {
	words := index.Words(row.name, row.text)
	if words == "" {
		return nil
	}
	return r.exec("INSERT INTO words (rowid, body) VALUES (?, ?)", row.oid, words)
}

func (t *tx) unindexText(oid int64, in indexed) error {
	mark, err := t.mark("text")
	if err != nil || oid > mark {
		return err
	}
	words := index.Words(in.name, in.text)
	if words == "" {
		return nil
	}
	return t.exec("INSERT INTO words (words, rowid, body) VALUES ('delete', ?, ?)", oid, words)
}

func (t *tx) reindexText(oid int64, in indexed) error {
	mark, err := t.mark("text")
	if err != nil || oid > mark {
		return err
	}
	return t.addWords(textRow{oid, in.name, in.text})
}

// checkWords starts the text index anew when it was made by other rules.
func (w *writer) checkWords() error {
	version, err := w.mark("words")
	if err != nil || version == index.WordsVersion {
		return err
	}
	if err := w.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	for _, sql := range []string{
		"INSERT INTO words (words) VALUES ('delete-all')",
		"UPDATE meta SET value = 0 WHERE name = 'text'",
	} {
		if err := w.exec(sql); err != nil {
			w.rollback()
			return err
		}
	}
	if err := w.setMark("words", index.WordsVersion); err != nil {
		w.rollback()
		return err
	}
	return w.commit()
}

// checkCounts adds findings of what integrity_check cannot know: every current
// version stands in the indexes, gaps in collections, roll-ups.
func (t *tx) checkCounts(out *[]string) error {
	checks := []struct{ finding, sql string }{
		{"objects whose newest version is not marked", `
			SELECT count(*) FROM (SELECT id FROM object GROUP BY id HAVING sum(latest) <> 1)`},
		{"versions without content that are not erased", `
			SELECT count(*) FROM object o LEFT JOIN content c ON c.oid = o.oid WHERE (c.oid IS NULL) <> (o.state = 2)`},
		{"index chunks without a run", `
			SELECT count(*) FROM chunk WHERE run NOT IN (SELECT n FROM run)`},
		{"difference between roll-ups and objects", `
			SELECT abs((SELECT coalesce(sum(n), 0) FROM rollup) - (SELECT count(*) FROM object))`},
		{"collections whose entries go past their size", `
			SELECT count(*) FROM collection c WHERE c.size < (SELECT coalesce(max(seq), 0) FROM member m WHERE m.collection = c.n)`},
		{"channels whose entries do not match their size", `
			SELECT count(*) FROM channel c WHERE c.size <> (SELECT count(*) FROM entry e WHERE e.at >= c.n << 40 AND e.at < (c.n + 1) << 40)`},
	}
	for _, c := range checks {
		n, err := t.number(c.sql)
		if err != nil {
			return err
		}
		if n != 0 {
			*out = append(*out, c.finding+": "+strconv.FormatInt(n, 10))
		}
	}
	return nil
}
