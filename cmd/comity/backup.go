package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/comity-net/comity"
	"github.com/comity-net/comity/node"
)

func (a *app) backupCmd() *cobra.Command {
	return a.group("backup", "cmd.backup.short", `  comity backup create node.backup
  comity backup create node.backup --recipient age1…
  comity backup verify node.backup
  comity backup restore node.backup --data /srv/comity`,
		a.backupCreateCmd(), a.backupVerifyCmd(), a.backupRestoreCmd())
}

// backedUp is what backup create prints with --json.
type backedUp struct {
	File      string `json:"file"`
	Encrypted bool   `json:"encrypted"`
	Bytes     int64  `json:"bytes"` // of the file
	node.BackupInfo
}

func (a *app) backupCreateCmd() *cobra.Command {
	var recipients []string
	var plain bool
	c := &cobra.Command{
		Use: "create FILE", Short: "cmd.backup.create.short", Long: "cmd.backup.create.long", Args: takes(1, 1),
		Example: `  comity backup create node.backup
  comity backup create - --plain | ssh safe 'cat > node.backup'`,
		RunE: a.with(func(ctx context.Context, n *node.Node, args []string) error {
			to, err := a.backupRecipients(recipients, plain)
			if err != nil {
				return err
			}
			made := backedUp{File: args[0], Encrypted: len(to) > 0}
			err = a.writeTo(args[0], func(w io.Writer) (err error) {
				count := &counting{w: w}
				made.BackupInfo, err = n.Backup(ctx, a.actor(), count, to)
				made.Bytes = count.n
				return err
			})
			if err != nil || args[0] == "-" {
				return err
			}
			return a.show(made, func() {
				a.tell("cmd.backup.made", comity.A("file", args[0]), comity.A("size", a.p.Bytes(made.Bytes)), comity.A("n", len(made.Channels)))
				if !made.Encrypted {
					a.note("cmd.backup.plain_note")
				}
			})
		}),
	}
	c.Flags().StringArrayVar(&recipients, "recipient", nil, "cmd.flag.recipient")
	c.Flags().BoolVar(&plain, "plain", false, "cmd.flag.backup_plain")
	return c
}

// counting counts what goes through.
type counting struct {
	w io.Writer
	n int64
}

// Write implements io.Writer.
func (c *counting) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// backupRecipients says to whom a backup is encrypted: the recipients named,
// else whoever knows a new passphrase; nobody with --plain.
func (a *app) backupRecipients(named []string, plain bool) ([]age.Recipient, error) {
	if plain {
		return nil, nil
	}
	if len(named) > 0 {
		to, err := age.ParseRecipients(strings.NewReader(strings.Join(named, "\n")))
		if err != nil {
			return nil, comity.E(comity.Usage, "backup create", strings.Join(named, " "), comity.Msg("cmd.backup.recipient_bad"), err)
		}
		return to, nil
	}
	secret, err := a.newSecret("COMITY_BACKUP_PASSPHRASE", comity.Msg("cmd.ask.backup_new"))
	if err != nil {
		return nil, err
	}
	r, err := age.NewScryptRecipient(string(secret))
	if err != nil {
		return nil, comity.E(comity.Usage, "backup create", "", comity.Msg("cmd.backup.passphrase_empty"), err)
	}
	return []age.Recipient{r}, nil
}

// opening are the flags that open a backup.
type opening struct {
	identities []string
	db         string
}

func (o *opening) flags(c *cobra.Command) {
	c.Flags().StringArrayVar(&o.identities, "identity", nil, "cmd.flag.backup_identity")
	c.Flags().StringVar(&o.db, "db", "", "cmd.flag.backup_db")
}

// backupFile opens a backup and whatever its encryption needs.
func (a *app) backupFile(op, file string, o opening) (io.ReadCloser, node.RestoreOptions, error) {
	var opt node.RestoreOptions
	opt.DB = o.db
	var f *os.File
	in := io.ReadCloser(io.NopCloser(a.in))
	if file != "-" {
		var err error
		if f, err = os.Open(file); err != nil {
			return nil, opt, comity.E(comity.NotFound, op, file, comity.Msg("cmd.backup.no_file", comity.A("file", file), comity.A("cause", cause(err))), err)
		}
		in = f
	}
	for _, path := range o.identities {
		text, err := a.readSmall(op, path)
		if err == nil {
			var ids []age.Identity
			if ids, err = age.ParseIdentities(strings.NewReader(string(text))); err != nil {
				err = comity.E(comity.Usage, op, path, comity.Msg("cmd.backup.identity_bad", comity.A("file", path)), err)
			}
			opt.Open = append(opt.Open, ids...)
		}
		if err != nil {
			_ = in.Close()
			return nil, opt, err
		}
	}
	secret := a.env["COMITY_BACKUP_PASSPHRASE"]
	if secret == "" && len(opt.Open) == 0 && f != nil && sealed(f) && a.canAsk() {
		b, err := a.askSecret(comity.Msg("cmd.ask.backup"))
		if err != nil {
			_ = in.Close()
			return nil, opt, err
		}
		secret = string(b)
	}
	if secret != "" {
		id, err := age.NewScryptIdentity(secret)
		if err != nil {
			_ = in.Close()
			return nil, opt, comity.E(comity.Usage, op, file, comity.Msg("cmd.backup.passphrase_empty"), err)
		}
		opt.Open = append(opt.Open, id)
	}
	return in, opt, nil
}

// sealed reports whether a file begins as age files do.
func sealed(f *os.File) bool {
	const magic = "age-encryption.org/"
	head := make([]byte, len(magic))
	n, _ := f.ReadAt(head, 0)
	return string(head[:n]) == magic
}

func (a *app) backupVerifyCmd() *cobra.Command {
	var o opening
	var scratch string
	c := &cobra.Command{
		Use: "verify FILE", Short: "cmd.backup.verify.short", Long: "cmd.backup.verify.long", Args: takes(1, 1),
		Example: "  comity backup verify node.backup",
		RunE: func(cmd *cobra.Command, args []string) error {
			in, opt, err := a.backupFile("backup verify", args[0], o)
			if err != nil {
				return err
			}
			defer in.Close()
			opt.Dir, opt.Passphrase = scratch, []byte(a.env["COMITY_PASSPHRASE"])
			rep, err := node.VerifyBackup(cmd.Context(), in, opt)
			if err != nil {
				return err
			}
			if err := a.show(rep, func() { a.printBackup(rep) }); err != nil {
				return err
			}
			return soundBackup(rep, args[0])
		},
	}
	o.flags(c)
	c.Flags().StringVar(&scratch, "scratch", filepath.Clean(os.TempDir()), "cmd.flag.backup_scratch")
	return c
}

// soundBackup is an error when the rehearsal found anything wrong.
func soundBackup(rep node.BackupReport, file string) error {
	faults := len(rep.Findings)
	for _, c := range rep.Channels {
		faults += len(c.Problems)
	}
	if faults == 0 {
		return nil
	}
	return comity.E(comity.Unverified, "backup verify", file, comity.Msg("cmd.backup.faults", comity.A("n", faults)), nil)
}

func (a *app) printBackup(rep node.BackupReport) {
	a.fields(
		"cmd.field.node_id", rep.Node.Grouped(),
		"cmd.field.name", rep.Name,
		"cmd.field.backup_at", a.p.Time(rep.At),
		"cmd.field.keeper", rep.Keeper,
		"cmd.field.backup_size", a.p.Bytes(rep.Bytes),
	)
	for _, f := range rep.Findings {
		a.say(f)
	}
	a.printReports(rep.Channels)
	if rep.Opened {
		a.tell("cmd.backup.rehearsed")
	} else {
		a.tell("cmd.backup.only_read")
	}
}

func (a *app) backupRestoreCmd() *cobra.Command {
	var o opening
	c := &cobra.Command{
		Use: "restore FILE", Short: "cmd.backup.restore.short", Long: "cmd.backup.restore.long", Args: takes(1, 1),
		Example: "  comity backup restore node.backup --data /srv/comity",
		RunE: func(cmd *cobra.Command, args []string) error {
			in, opt, err := a.backupFile("backup restore", args[0], o)
			if err != nil {
				return err
			}
			defer in.Close()
			opt.Dir = a.dir
			info, err := node.RestoreBackup(cmd.Context(), in, opt)
			if err != nil {
				return err
			}
			return a.show(info, func() {
				a.tell("cmd.backup.restored", comity.A("dir", a.dir), comity.A("name", info.Name), comity.A("at", a.p.Time(info.At)))
				a.note("cmd.backup.restored_next")
			})
		},
	}
	o.flags(c)
	return c
}
