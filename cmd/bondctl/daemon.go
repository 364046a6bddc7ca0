package main

import (
	"context"
	"io"
	"log/slog"
	"log/syslog"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/hook"
	"github.com/bondctl/bondctl/bond/keeper"
	"github.com/bondctl/bondctl/bond/manager"
	"github.com/bondctl/bondctl/bond/resolve"
)

// hooksDir has the executables that a keeper runs after events.
const hooksDir = configDir + "/hooks.d"

func daemonCommand() *cli.Command {
	return &cli.Command{
		Name:      "daemon",
		Usage:     "keep the bond as it is wanted, in the foreground",
		ArgsUsage: "[NAME]",
		Description: "Wanted is what the configuration file says; without one, or if flags were given to it, what the last up of this boot wanted. " +
			"Members join when they appear. SIGHUP reads the file again; one that is broken, or with which the gateways don't answer any more, leaves in force what was before. " +
			"SIGTERM ends the keeper and leaves the bond standing; another one takes over without a failover. " +
			"After each event the executables in " + hooksDir + " are run.\n\n" +
			"  bondctl daemon --config office.toml office\n\n" +
			"Exit status: 0 ended by a signal or because nothing is wanted any more, 1 failed, 2 usage or configuration.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "config", Usage: "read the configuration from `FILE` (default: " + configDir + "/NAME.toml where that exists)"},
			&cli.BoolFlag{Name: "syslog", Usage: "log to syslog(3) and not to stderr"},
			&cli.BoolFlag{Name: readyFlag, Hidden: true},
		},
		Action: daemon,
	}
}

func daemon(c *cli.Context) error {
	// A panic ends by a signal, or systemd would take Go's exit status of 2 for
	// a broken configuration and start no other.
	debug.SetTraceback("crash")
	beThrifty()
	up := starter(c)
	defer up.close()
	err := keep(c, &up)
	if err != nil {
		up.say(err.Error())
	}
	return err
}

// keep runs the keeper.
func keep(c *cli.Context, up *starterPipe) error {
	name, err := bondName(c)
	if err != nil {
		return err
	}
	h, err := openHost(c)
	if err != nil {
		return err
	}
	defer h.Close()
	file := func() (*bond.Wanted, error) { return readWanted(c, h, name) }
	recorded, err := startsRecorded(c, h, name, file)
	if err != nil {
		return err
	}
	if wanted, _ := h.Recorded(name); wanted == nil || !wanted.Config.ByRoutes() {
		loadBonding()
	}
	log := logger(c)
	if h.InitialNamespace() {
		if err := manager.LedgerOf(name).Renew(c.Context); err != nil {
			log.Warn(err.Error())
		}
	}
	hooks := hook.Runner{Dir: hooksDir, Log: log}
	defer inBackground(c.Context, hooks.Run)()
	k := keeper.Keeper{
		Host: h, Name: name, Log: log, OnEvent: hooks.Send,
		Wanted: file, Recorded: recorded,
		Reload: onSignal(c.Context, unix.SIGHUP), Wake: onSignal(c.Context, unix.SIGUSR1),
		Ready: func(err error) {
			up.say(sayError(err))
			tellSystemd(err)
			giveMemoryBack()
		},
	}
	if h.InitialNamespace() {
		k.Resolver = &resolve.Resolver{}
		if err := k.Resolver.Recover(c.Context); err != nil {
			log.Warn(err.Error())
		}
	}
	err = k.Run(c.Context)
	if k.Resolver != nil {
		leaveNames(c, k.Resolver, name, log)
	}
	return err
}

// leaveNames takes back the bond's name servers when the machine goes down. Otherwise
// a keeper that ends leaves them, as it leaves the bond. But /etc/resolv.conf stays
// after a shutdown, and the next boot may be in another network.
func leaveNames(c *cli.Context, r *resolve.Resolver, name string, log *slog.Logger) {
	ctx := context.WithoutCancel(c.Context)
	if !stops(ctx) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, leaveTime)
	defer cancel()
	if err := r.Clear(ctx, name); err != nil {
		log.Warn(err.Error())
	}
}

// leaveTime is shorter than the time that systemd gives a service to end.
const leaveTime = 5 * time.Second

// inBackground runs f until end is called, which waits for it.
func inBackground(ctx context.Context, f func(context.Context)) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { f(ctx) })
	return func() {
		cancel()
		running.Wait()
	}
}

// sayError is the line that tells the waiting up how a look went.
func sayError(err error) string {
	if err == nil {
		return readyWord
	}
	return err.Error()
}

// logger logs to stderr or, with --syslog, to syslog where there is one. The history
// has the events in any case.
func logger(c *cli.Context) *slog.Logger {
	w := c.App.ErrWriter
	_, stamped := os.LookupEnv("JOURNAL_STREAM") // stderr is the journal, which has the time
	if c.Bool("syslog") {
		w, stamped = io.Discard, true
		if s, err := syslog.New(syslog.LOG_DAEMON|syslog.LOG_INFO, "bondctl"); err == nil {
			w = s
		}
	}
	drop := func(_ []string, a slog.Attr) slog.Attr {
		if stamped && a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{ReplaceAttr: drop}))
}

// onSignal turns a signal into an item of a channel.
func onSignal(ctx context.Context, sig os.Signal) <-chan struct{} {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, sig)
	out := make(chan struct{}, 1)
	go func() {
		defer signal.Stop(signals)
		for {
			select {
			case <-ctx.Done():
				return
			case <-signals:
			}
			select {
			case out <- struct{}{}:
			default:
			}
		}
	}()
	return out
}
