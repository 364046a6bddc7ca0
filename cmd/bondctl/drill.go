package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/drill"
	"github.com/bondctl/bondctl/bond/guard"
	"github.com/bondctl/bondctl/bond/reach"
)

func drillCommand() *cli.Command {
	return &cli.Command{
		Name:      "drill",
		Usage:     "rehearse the failovers, and measure what they cost",
		ArgsUsage: "[NAME]",
		Description: "Each member with a link fails in turn, while numbered frames go through the bond to the gateway and back. For each failover, and for the way back, " +
			"it says how many frames were lost, and for how long nothing got through. Without --cut another member is made active, which shows what the network does. " +
			"With --cut the member's link is set down, and the kernel or the keeper has to notice, as when a cable is pulled.\n\n" +
			"The frames are ICMP echo requests, or, where the gateway answers none, ARP requests or neighbour solicitations. An outage is the time from one frame that was answered " +
			"to the next, beyond the time between any two: --rate says how fine that is.\n\n" +
			"Afterwards everything is as before, also if it is interrupted or killed; only link_failure_count has grown. A keeper goes on with its work meanwhile, and up and down wait. " +
			"What you do over the bond meanwhile goes on, and stops for as long as the drill says.\n\n" +
			"Of a group of the strategy routes it shows what a switch to another member costs that which names no source; the frames are ICMP echo requests to a gateway that all members share, or to --target. There is no --cut.\n\n" +
			"  bondctl drill\n" +
			"  bondctl drill office --cut --rate 1000\n" +
			"  bondctl drill --cut --json | jq '.[0].outage_ms'\n\n" +
			"Exit status: 0 done, 1 failed and put back, or refused, 2 usage.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "cut", Usage: "have each member fail for real: set its link down"},
			&cli.StringFlag{Name: "rate", Value: defaultRate, Usage: "send `N` frames a second, 1 to 1000 (default: " + defaultRate + ")"},
			&cli.StringFlag{Name: "target", Usage: "ask `ADDRESS` and not the gateway"},
			&cli.StringFlag{Name: "wait", Value: defaultDrillWait, Usage: "wait up to `DURATION` beyond updelay, and with Wi-Fi 30s at the least, for a member to come back and for frames to be answered (default: " + defaultDrillWait + ")"},
			&cli.BoolFlag{Name: "json", Usage: "print an array with an object for each failover"},
		},
		Action: onBond(runDrill),
	}
}

const (
	defaultRate      = "100"
	mostRate         = 1000
	defaultDrillWait = "10s"
)

// drillFlags are those of drill.
type drillFlags struct {
	cut    bool
	rate   int
	target netip.Addr // the zero Addr for the gateway
	wait   time.Duration
}

func readDrillFlags(c *cli.Context) (f drillFlags, err error) {
	const help = "bondctl drill --help"
	f.cut = c.Bool("cut")
	if _, err := fmt.Sscanf(c.String("rate")+"\n", "%d\n", &f.rate); err != nil || f.rate < 1 || f.rate > mostRate {
		return f, usage(fmt.Sprintf("--rate: %q is not a number of frames a second from 1 to %d", c.String("rate"), mostRate), help)
	}
	if c.IsSet("target") {
		f.target, err = netip.ParseAddr(c.String("target"))
		if err != nil || f.target.IsUnspecified() || f.target.IsMulticast() || f.target.IsLoopback() {
			return f, usage(fmt.Sprintf("--target: %q is not the address of a host", c.String("target")), help)
		}
		f.target = f.target.Unmap()
	}
	if f.wait, err = time.ParseDuration(c.String("wait")); err != nil || f.wait < time.Second {
		return f, usage(fmt.Sprintf("--wait: %q is not a duration of a second or more; write one such as 10s", c.String("wait")), help)
	}
	return f, nil
}

func (f drillFlags) interval() time.Duration { return time.Second / time.Duration(f.rate) }

func runDrill(c *cli.Context, h *bond.Host, name string) error {
	flags, err := readDrillFlags(c)
	if err != nil {
		return err
	}
	st, err := h.Brief(name)
	if err != nil {
		return err
	}
	if st.Strategy == bond.StrategyRoutes && flags.cut {
		return &bond.ObstacleError{Bond: name, What: "the members of a group carry addresses and routes, which the kernel drops when a link is set down; without --cut it isn't"}
	}
	if err := clearTrial(c, h, name); err != nil {
		return err
	}
	members, err := drillable(c, h, st, flags.cut)
	if err != nil {
		return err
	}
	train, asked, err := findTrain(c.Context, h, st, flags)
	if err != nil {
		return err
	}
	defer train.Stop()
	warnOfDrill(c, h, name)
	_, limit := reach.Times(flags.wait, st)
	r := &rehearsal{c: c, h: h, name: name, report: newDrillReport(c, st, flags, asked)}
	r.drill = drill.Drill{Host: h, Name: name, Members: members, Cut: flags.cut, Train: train, Limit: limit, How: how(c), Tell: r.report.add}
	return r.run()
}

// drillable are the members that can fail. The error says what is in the way of a drill.
func drillable(c *cli.Context, h *bond.Host, st bond.Status, cut bool) ([]string, error) {
	obstacle := func(format string, args ...any) error {
		return &bond.ObstacleError{Bond: st.Name, What: fmt.Sprintf(format, args...)}
	}
	members, without := drill.Order(st)
	if st.Strategy != bond.StrategyRoutes && st.Mode != "active-backup" {
		return nil, obstacle("%s has mode %s, in which there is no failover", st.Name, st.Mode)
	}
	if len(members) < 2 {
		missing := "there is no other member"
		if without != nil {
			missing = "without one: " + linkless(st, without)
		}
		return nil, obstacle("a failover of %s takes two members that have a link; with one: %s; %s", st.Name, orNobody(members), missing)
	}
	if st.Active == nil {
		return nil, obstacle("%s has no active member", st.Name)
	}
	if without != nil {
		warn(c, "left out, for want of a link: %s", linkless(st, without))
	}
	for _, m := range members {
		if !cut {
			break
		}
		carries, err := h.Carried(st.Name, m)
		if err != nil {
			return nil, err
		}
		if carries != "" {
			return nil, obstacle("%s carries %s itself, which the kernel may drop when the link is set down; without --cut it isn't", m, carries)
		}
	}
	return members, nil
}

func orNobody(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// linkless names members that can't take over, and says why each can't.
func linkless(st bond.Status, names []string) string {
	var said []string
	for _, m := range st.Members {
		if !slices.Contains(names, m.Name) {
			continue
		}
		why := "no link"
		switch {
		case m.Role == bond.RoleAbsent:
			why = "absent"
		case m.PendingReason != nil:
			why = *m.PendingReason
		case m.Dormant:
			why = "not associated yet"
		case m.Path != nil && m.Path.State == "dead":
			why = "its path is dead"
		case st.Strategy == bond.StrategyRoutes && m.Carrier != nil && *m.Carrier && len(m.Addresses) == 0:
			why = "no address"
		case st.Strategy == bond.StrategyRoutes && m.Carrier != nil && *m.Carrier && m.Gateway == nil:
			why = "no gateway"
		case m.MIIStatus != nil && *m.MIIStatus == "going back":
			why = "its updelay is still running"
		}
		said = append(said, fmt.Sprintf("%s (%s)", m.Name, why))
	}
	return strings.Join(said, ", ")
}

// warnOfDrill says so if somebody is logged in over the bond.
func warnOfDrill(c *cli.Context, h *bond.Host, name string) {
	peer, ok := sshPeer(sshConnection())
	if !ok {
		return
	}
	hop, err := h.NextHopTo(peer)
	if err != nil {
		return
	}
	if over, err := h.GoesOver(name, hop.Link); err == nil && over {
		warn(c, "you are logged in over %s: what you see stops for as long as each outage, and the session goes on; if this process is killed, its guardian puts everything back", name)
	}
}

// A rehearsal is a drill that is on trial.
type rehearsal struct {
	c        *cli.Context
	h        *bond.Host
	name     string
	drill    drill.Drill
	report   *drillReport
	guardian guard.Watch
}

// run has the drill guarded, and puts everything back in any case.
func (r *rehearsal) run() error {
	if err := r.h.BeginRehearsal(r.c.Context, r.name, changeTime); err != nil {
		return err
	}
	guardian, err := startGuarded(r.c, r.h, r.name)
	if err != nil {
		return errors.Join(fmt.Errorf("start the guardian of %s, without which nothing is rehearsed: %w", r.name, err), r.h.DropTrial(r.name))
	}
	r.guardian = guardian
	ctx, end := r.whileWanted()
	_, failed := r.drill.Run(ctx)
	end()
	err = r.putBack(failed)
	r.report.end(err == nil)
	return err
}

// errInterrupted says that somebody wants no more of a drill.
var errInterrupted = errors.New("it was interrupted")

// whileWanted is a context that ends with the guardian, when the drill is interrupted, and when
// nobody can read any more what it shows.
func (r *rehearsal) whileWanted() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(r.c.Context))
	read := r.c.Context
	if out, ok := r.c.App.Writer.(*output); ok {
		read = out.whileRead(read)
	}
	go func() {
		select {
		case <-r.guardian.Ended():
			cancel(guard.ErrUnguarded)
		case <-read.Done():
			cancel(errInterrupted)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}

// putBack puts everything back. failed is why the drill isn't complete; nil where it is. The
// error has that, and what couldn't be put back.
func (r *rehearsal) putBack(failed error) error {
	why := "the drill is over"
	if failed != nil {
		why = failed.Error()
	}
	c := within(r.c, context.WithoutCancel(r.c.Context))
	left := putBack(c, r.h, r.name, why)
	if err := r.h.DismissGuardian(r.name); err != nil {
		warn(r.c, "%v", err)
	}
	select {
	case <-r.guardian.Ended():
	case <-time.After(endTime):
	}
	r.guardian.Close()
	if left != nil {
		return errors.Join(failed, fmt.Errorf("put %s back: %w", r.name, left))
	}
	if failed != nil {
		failed = fmt.Errorf("drill %s: %w; everything is as it was before", r.name, failed)
	}
	return errors.Join(failed, r.h.DropTrial(r.name))
}
