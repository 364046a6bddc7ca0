package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/bondctl/bondctl/bond"
)

func confirmCommand() *cli.Command {
	return &cli.Command{
		Name:      "confirm",
		Usage:     "keep what an up --confirm put on trial",
		ArgsUsage: "[NAME]",
		Description: "Any session may do so, before the time is over that up --confirm was given.\n\n" +
			"  bondctl confirm\n" +
			"  bondctl confirm office\n\n" +
			"Exit status: 0 kept, 1 nothing is on trial or it was put back by then, 2 usage.",
		Action: onBond(confirm),
	}
}

func confirm(c *cli.Context, h *bond.Host, name string) error {
	t, err := h.Trial(name)
	if err != nil {
		return err
	}
	switch {
	case t.Verdict != nil && !t.Verdict.Kept:
		return verdictError(name, t)
	case !t.Pending():
		return fmt.Errorf("%s: %w", name, bond.ErrNoTrial)
	case t.Abandoned():
		return fmt.Errorf("the change of %s was cut short, and its guardian as well: the next up or down puts it back", name)
	case !t.Confirm:
		return fmt.Errorf("%s is still being changed, and nothing waits to be confirmed yet", name)
	}
	if t, err = h.DecideTrial(name, true, confirmedWhy); err != nil {
		return err
	}
	if err := verdictError(name, t); err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "%s: kept\n", printable(name))
	return h.DismissGuardian(name)
}

const confirmedWhy = "confirmed"

// await waits until somebody keeps what is on trial, or it is put back. The error is nil if
// it was kept.
func (t *trial) await() error {
	if t.guardian == nil {
		return nil
	}
	name := t.config.Name
	if err := t.h.ExtendTrial(name, t.confirm, true); err != nil {
		if errors.Is(err, bond.ErrNoTrial) {
			<-t.guardian.Ended()
			return t.outcome()
		}
		return err
	}
	ctx, end := context.WithCancel(t.c.Context)
	defer end()
	p := newPrompt(t.c, name, time.Now().Add(t.confirm))
	defer p.end()
	for {
		p.show()
		select {
		case <-p.entered:
			return t.keep(confirmedWhy)
		case <-ctx.Done():
			p.end()
			return t.undo("it was interrupted")
		case <-t.guardian.Ended():
			p.end()
			return t.decided()
		case <-p.tick():
		}
	}
}

// decided is what became of a trial whose guardian has ended.
func (t *trial) decided() error {
	decided, err := t.h.Trial(t.config.Name)
	if err == nil && decided.Up.PID != os.Getpid() {
		decided = bond.Trial{} // another change is on trial by now
	}
	if err == nil && decided.Pending() {
		return t.undo("its guardian has ended")
	}
	t.guardian.Close()
	t.guardian = nil
	if err != nil {
		return err
	}
	return verdictError(t.config.Name, decided)
}

// A prompt asks on a terminal whether to keep what is on trial, and counts down there.
// Where there is no terminal it says once how to keep it.
type prompt struct {
	c       *cli.Context
	name    string
	until   time.Time
	redraws bool
	entered chan struct{}
	shown   bool
}

func newPrompt(c *cli.Context, name string, until time.Time) *prompt {
	p := &prompt{c: c, name: name, until: until, entered: make(chan struct{})}
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return p
	}
	f, ok := c.App.ErrWriter.(*os.File)
	p.redraws = ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
	// In the background the kernel would stop the process as it reads. Now the read fails.
	signal.Ignore(unix.SIGTTIN, unix.SIGTTOU)
	go func() {
		if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err == nil {
			close(p.entered)
		}
	}()
	return p
}

// tick comes when the countdown is to be drawn again.
func (p *prompt) tick() <-chan time.Time {
	if !p.redraws {
		return nil
	}
	left := time.Until(p.until)
	return time.After(left - left.Truncate(time.Second) + time.Millisecond)
}

// show draws the countdown.
func (p *prompt) show() {
	if p.redraws {
		left := max(time.Until(p.until), 0).Round(time.Second)
		fmt.Fprintf(p.c.App.ErrWriter, "\r\x1b[K%s is put back in %s; press Enter to keep it", printable(p.name), left)
	} else if !p.shown {
		fmt.Fprintf(p.c.App.ErrWriter, "bondctl: %s is put back at %s; to keep it: bondctl confirm %[1]s\n", printable(p.name), p.until.Format(time.TimeOnly))
	}
	p.shown = true
}

// end clears the countdown.
func (p *prompt) end() {
	if p.redraws && p.shown {
		fmt.Fprint(p.c.App.ErrWriter, "\r\x1b[K")
	}
	p.shown = false
}
