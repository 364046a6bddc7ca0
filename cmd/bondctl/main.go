// Command bondctl makes and keeps an active-backup bond: one network identity
// over several links.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/guard"
)

// The exit statuses.
const (
	exitFailed = 1 // and put back
	exitUsage  = 2 // usage or configuration; nothing was touched
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM)
	// The first signal has an up put everything back; a second one kills, unless
	// it belongs to the first, as when a whole process group was meant.
	context.AfterFunc(ctx, func() { time.AfterFunc(time.Second, stop) })
	// A terminal or a reader that is gone must not cut a change short: the connection
	// to it may run over the very interface that is being changed.
	signal.Ignore(unix.SIGHUP, unix.SIGPIPE)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program; it returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	out := &output{Writer: stdout}
	app := newApp(out, stderr)
	line, err := arrange(app, args)
	switch {
	case err != nil:
	case line.help:
		printHelp(out, app, line.verb)
	case line.verb != nil && line.verb.Name == helpVerb:
		err = helpOn(out, app, line)
	default:
		app.Before = func(c *cli.Context) error { return enterNamespace(c, line) }
		nameOnce(app.Flags)
		if line.verb != nil {
			nameOnce(line.verb.Flags)
		}
		err = app.RunContext(ctx, append([]string{app.Name}, line.args()...))
	}
	examines := line.verb != nil && line.verb.Name == "doctor"
	check := line.has("status", "--check")
	if check || examines && line.has("doctor", "--json") {
		sayCheckFailed(out, err, line.has(line.verb.Name, "--json"))
	}
	err = out.outcome(err)
	report(stderr, err)
	return status(err, check || examines)
}

func newApp(stdout, stderr io.Writer) *cli.App {
	app := &cli.App{
		Name:      "bondctl",
		Usage:     "make and keep an active-backup bond over several links",
		UsageText: "bondctl [--netns NAME] [--verbose] VERB [FLAG]... [NAME]",
		Description: "A laptop in its dock talks over Ethernet; lifted out, it goes on over Wi-Fi with the same address " +
			"and every open connection; back in the dock, it returns to the cable.\n\n" +
			"  bondctl up --primary eth0 --member eth0 --member wlan0 --address 192.0.2.10/24\n" +
			"  bondctl status\n" +
			"  bondctl down\n\n" +
			"NAME is the bond's, " + defaultName + " unless given. Flags may stand before and after arguments; " +
			"behind -- everything is an argument. Results go to stdout, everything else to stderr.\n\n" +
			"Exit status: 0 done, 1 failed and put back, 2 usage or configuration (nothing was touched). " +
			"An output that can't be written is 1, too, but what was changed stays changed. status --check, doctor and import have their own.",
		Version: version(),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "netns", Usage: "work in the network namespace that ip-netns(8) calls `NAME`"},
			&cli.BoolFlag{Name: "verbose", Usage: "say on stderr each change before it is made"},
		},
		Commands: []*cli.Command{
			upCommand(), downCommand(), statusCommand(), eventsCommand(), switchCommand(), confirmCommand(), waitCommand(), drillCommand(), wifiCommand(), doctorCommand(),
			importCommand(), daemonCommand(), guardCommand(), installServiceCommand(),
			completionCommand(), versionCommand(), helpCommand(),
		},
		Action: func(c *cli.Context) error {
			return usage("no verb is named; there are "+verbs(c.App), "bondctl --help")
		},
		DisableSliceFlagSeparator: true, // --member eth0,prio=3 is one
		HideHelp:                  true, // printHelp does it
		Writer:                    stdout,
		ErrWriter:                 stderr,
		OnUsageError:              func(_ *cli.Context, err error, _ bool) error { return usage(err.Error(), "bondctl --help") },
		ExitErrHandler:            func(*cli.Context, error) {}, // main alone exits
	}
	for _, verb := range app.Commands {
		verb.HideHelp = true // or an argument that reads help, or h, is a verb of cli's own
	}
	return app
}

// A usageError is a mistake in the command line.
type usageError struct{ message, hint string }

func (e *usageError) Error() string { return e.message }
func (e *usageError) Hint() string  { return e.hint }

func usage(message, hint string) error { return &usageError{message, hint} }

// An exitError is an exit status that needs no message.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// status is the exit status for an error. check is for status --check and doctor, where an
// error must not look like a bond's health.
func status(err error, check bool) int {
	if code, ok := errors.AsType[exitError](err); ok {
		return int(code)
	}
	_, isUsage := errors.AsType[*usageError](err)
	_, isConfig := errors.AsType[*bond.ConfigError](err)
	_, isImport := errors.AsType[*importError](err)
	switch {
	case err == nil:
		return 0
	case check:
		return checkFailed
	case isUsage || isConfig || isImport:
		return exitUsage
	}
	return exitFailed
}

// report prints an error as lines of "bondctl: error: ...", and its hint as "bondctl:
// hint: ...".
func report(w io.Writer, err error) {
	if _, ok := errors.AsType[exitError](err); ok || err == nil {
		return
	}
	reportLines(w, "error", errorText(err))
	reportLines(w, "hint", hint(err))
}

func reportLines(w io.Writer, what, text string) {
	for line := range strings.Lines(text) {
		fmt.Fprintf(w, "bondctl: %s: %s\n", what, printable(strings.TrimSuffix(line, "\n")))
	}
}

// hint says what the user can do about an error; "" where that isn't known.
func hint(err error) string {
	step, refused := errors.AsType[*bond.StepError](err)
	if refused && step.Undo != nil {
		return "to put back what is left: bondctl down NAME"
	}
	if h, ok := errors.AsType[interface {
		error
		Hint() string
	}](err); ok && h.Hint() != "" {
		return h.Hint()
	}
	obstacle, ok := errors.AsType[*bond.ObstacleError](err)
	_, unverified := errors.AsType[*bond.UnverifiedError](err)
	switch {
	case unverified && !errors.Is(err, guard.ErrUnguarded):
		return "--verify 1m waits longer, and --verify 0 asks nobody"
	case ok && obstacle.Force:
		return "bondctl status " + obstacle.Bond + " shows what goes over it; down --force is for when nothing does"
	case ok:
		return cmp.Or(obstacle.Mend.Naming(flagOfKey), "bondctl status "+obstacle.Bond)
	case errors.Is(err, bond.ErrNoBond):
		return "bondctl up makes it; bondctl status --all shows what there is"
	case errors.Is(err, unix.EPERM), !refused && errors.Is(err, fs.ErrPermission):
		return "changes want CAP_NET_ADMIN: run it with sudo"
	}
	return ""
}
