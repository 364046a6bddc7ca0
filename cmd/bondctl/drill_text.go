package main

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/drill"
)

// drilled is a failover as drill --json prints it.
type drilled struct {
	drill.Failover
	Target netip.Addr `json:"target"`
	Frames string     `json:"frames"` // icmp_echo, arp, neighbour_solicitation
	Rate   int        `json:"rate"`   // frames a second
}

// A drillReport prints what a drill shows, a row as soon as it is known.
type drillReport struct {
	c      *cli.Context
	flags  drillFlags
	asked  asked
	kinds  map[string]string
	group  bool // of the strategy routes
	widths []int
	all    []drilled
}

// drillHead are the columns. Their widths fit what is to come.
var drillHead = []string{"FAILS", "TAKES OVER", "LOST", "OUTAGE", "WAY BACK", "LOST", "OUTAGE"}

func newDrillReport(c *cli.Context, st bond.Status, flags drillFlags, who asked) *drillReport {
	r := &drillReport{c: c, flags: flags, asked: who, kinds: map[string]string{}, group: st.Strategy == bond.StrategyRoutes, all: []drilled{}}
	name := 0
	for _, m := range st.Members {
		name = max(name, utf8.RuneCountInString(printable(m.Name)))
		if m.Kind != nil {
			r.kinds[m.Name] = *m.Kind
		}
	}
	r.widths = []int{max(name, 5), max(name, 10), 5, 9, 19, 5, 9}
	if c.Bool("json") {
		return r
	}
	fails := "another member is made active in place of each"
	if flags.cut {
		fails = "each member's link is set down"
	}
	fmt.Fprintf(c.App.Writer, "%s: %d frames a second to %s (%s); %s\n\n", printable(st.Name), flags.rate, who.who, framesInWords(who.frames), fails)
	r.row(drillHead)
	return r
}

func (r *drillReport) row(cells []string) {
	var line strings.Builder
	for i, cell := range cells {
		line.WriteString("  " + cell + strings.Repeat(" ", max(0, r.widths[i]-utf8.RuneCountInString(cell))))
	}
	fmt.Fprintln(r.c.App.Writer, strings.TrimRight(line.String(), " "))
}

// add takes in a failover.
func (r *drillReport) add(f drill.Failover) {
	r.all = append(r.all, drilled{f, r.asked.addr, r.asked.frames, r.flags.rate})
	if r.c.Bool("json") {
		return
	}
	to := "-"
	if f.To != nil {
		to = printable(*f.To)
	}
	r.row([]string{printable(f.From), to, number(f.Lost), outage(f.OutageMS), wayBack(f), number(f.BackLost), outage(f.BackOutageMS)})
}

func outage(ms *int) string {
	if ms == nil {
		return "-"
	}
	return fmt.Sprintf("%d ms", *ms)
}

// wayBack says who made a member active again.
func wayBack(f drill.Failover) string {
	switch {
	case f.BackBy == nil:
		return "-"
	case *f.BackBy == drill.BackByPolicy && f.BackMS != nil:
		return fmt.Sprintf("by itself, %.1f s", float64(*f.BackMS)/1000)
	}
	return "by hand"
}

// end prints the rest: the sentence, or the JSON.
func (r *drillReport) end(complete bool) {
	if r.c.Bool("json") {
		_ = writeJSON(r.c.App.Writer, r.all, "  ") // the output remembers
		return
	}
	if complete && len(r.all) > 0 {
		fmt.Fprintf(r.c.App.Writer, "\n%s\n", sentence(r.all[0].Failover, r.kinds, r.group, r.flags.interval()))
	}
}

// sentence says what the failure of the member costs that was active before the drill.
func sentence(f drill.Failover, kinds map[string]string, group bool, interval time.Duration) string {
	away, back := cost(f.Lost, f.OutageMS, interval), cost(f.BackLost, f.BackOutageMS, interval)
	from, to := printable(f.From), printable(*f.To)
	docks := kinds[f.From] == bond.KindWired && kinds[*f.To] == bond.KindWiFi
	switch {
	case f.By == drill.BySwitch:
		text := fmt.Sprintf("switching from %s to %s costs you %s, and back %s", from, to, away, back)
		if !group {
			text += "; what a failure costs, which has to be noticed first, is shown by --cut"
		}
		return text
	case docks && *f.BackBy == drill.BackByPolicy:
		return fmt.Sprintf("undocking costs you %s, and docking again %s", away, back)
	case docks:
		return fmt.Sprintf("undocking costs you %s; docked again, you stay on %s until that fails", away, to)
	case *f.BackBy == drill.BackByPolicy:
		return fmt.Sprintf("losing %s costs you %s, and its return %s", from, away, back)
	}
	return fmt.Sprintf("losing %s costs you %s; when it returns, %s stays active", from, away, to)
}

// cost is an outage in words. Where no frame was lost, it is only known that it was shorter than
// the time between two.
func cost(lost, ms *int, interval time.Duration) string {
	switch {
	case ms == nil:
		return "an unknown time"
	case lost != nil && *lost == 0:
		return fmt.Sprintf("less than %.3g ms", float64(interval)/float64(time.Millisecond))
	}
	return fmt.Sprintf("%d ms", *ms)
}
