package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

// exported is what export -o prints with --json.
type exported struct {
	File    string `json:"file"`
	Format  string `json:"format"`
	Objects int64  `json:"objects"`
}

func (a *app) exportCmd() *cobra.Command {
	var query, format, file string
	c := &cobra.Command{
		Use: "export --query Q", Short: "cmd.export.short", Long: "cmd.export.long", Args: takes(0, 0),
		Example: `  comity export --query all -o all.json
  comity export --query 'type:indicator collection:blocklist' --format csv`,
		RunE: a.with(func(ctx context.Context, n *node.Node, _ []string) error {
			_, q, err := selection("export", nil, query)
			if err != nil {
				return err
			}
			if err := knownQuery(ctx, n, "export", q); err != nil {
				return err
			}
			sq, err := n.ExportQuery(ctx, *q)
			if err != nil {
				return err
			}
			var count int64
			err = a.writeTo(file, func(w io.Writer) (err error) {
				count, err = n.Export(ctx, a.actor(), w, format, sq)
				return err
			})
			if err != nil || file == "" {
				return err
			}
			return a.show(exported{file, format, count}, func() {
				a.tell("cmd.export.done", comity.A("n", count), comity.A("file", file))
			})
		}),
	}
	f := c.Flags()
	f.StringVar(&query, "query", "", "cmd.flag.query")
	f.StringVar(&format, "format", "stix", "cmd.flag.export_format")
	f.StringVarP(&file, "output", "o", "", "cmd.flag.output")
	a.complete(c, "format", fixed("stix", "csv"))
	return c
}

// writeTo writes to standard output, or to a file that appears whole or not
// at all.
func (a *app) writeTo(file string, fn func(io.Writer) error) error {
	if file == "" || file == "-" {
		b := bufio.NewWriterSize(a.out, 64<<10)
		if err := fn(b); err != nil {
			return err
		}
		return outputError(b.Flush())
	}
	fail := func(err error) error {
		return comity.E(comity.Unavailable, "write", file, comity.Msg("cmd.write_failed", comity.A("file", file)), err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), ".comity-*") // mode 0600
	if err != nil {
		return fail(err)
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	b := bufio.NewWriterSize(tmp, 64<<10)
	if err := fn(b); err != nil {
		_ = tmp.Close()
		return err
	}
	if err := b.Flush(); err != nil {
		_ = tmp.Close()
		return fail(err)
	}
	if err := tmp.Close(); err != nil {
		return fail(err)
	}
	if err := os.Rename(tmp.Name(), file); err != nil {
		return fail(err)
	}
	return nil
}
