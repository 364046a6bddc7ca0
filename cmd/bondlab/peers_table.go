package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bondctl/bondctl/netnstest"
)

// tables are what was measured, in Markdown: what a failure costs, and what it costs to have it. Below is
// why a peer, or its leases, aren't among it.
func tables(results []result) string {
	var b, missing strings.Builder
	b.WriteString("| | a pulled cable: frames lost | outage | a removed NIC: frames lost | outage | on the way back: frames lost |\n" +
		"|---|---|---|---|---|---|\n")
	for _, r := range results {
		switch {
		case r.leftOut != "":
			fmt.Fprintf(&missing, "%s is left out: %s\n", r.name, line(r.leftOut))
			continue
		case r.leaseLeftOut != "":
			fmt.Fprintf(&missing, "The leases of %s are left out: %s\n", r.name, line(r.leaseLeftOut))
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", r.name,
			frames(r.pulled), outages(r.pulled), frames(r.removed), outages(r.removed), frames(r.back))
	}
	b.WriteString("\n| | set-up | its address on a known network | on an unknown one | resident: own + program's | wake-ups | status |\n" +
		"|---|---|---|---|---|---|---|\n")
	for _, r := range results {
		if r.leftOut != "" {
			continue
		}
		memory, wakeUps := "-", "-"
		if r.own > 0 {
			memory = fmt.Sprintf("%.1f + %.1f MB", float64(r.own)/1024, float64(r.program)/1024)
			wakeUps = fmt.Sprint(r.wakeUps)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n",
			r.name, inMillis(r.setUp), inMillis(r.known), inMillis(r.unknown), memory, wakeUps, inMillis(r.status))
	}
	if missing.Len() > 0 {
		b.WriteString("\n" + missing.String())
	}
	return b.String()
}

// line is a text on one line.
func line(text string) string { return strings.Join(strings.Fields(text), " ") }

// frames are the median and the most of those that were lost.
func frames(list []netnstest.Lost) string {
	middle, most := medianAndMost(list, func(l netnstest.Lost) int { return l.Lost })
	return fmt.Sprintf("%d (%d)", middle, most)
}

// outages are the median and the longest one.
func outages(list []netnstest.Lost) string {
	middle, most := medianAndMost(list, func(l netnstest.Lost) time.Duration { return l.Outage })
	return fmt.Sprintf("%.1f ms (%.1f)", middle.Seconds()*1000, most.Seconds()*1000)
}

func medianAndMost[T cmp.Ordered](list []netnstest.Lost, of func(netnstest.Lost) T) (middle, most T) {
	if len(list) == 0 {
		return middle, most
	}
	var all []T
	for _, l := range list {
		all = append(all, of(l))
	}
	slices.Sort(all)
	return all[len(all)/2], all[len(all)-1]
}

func inMillis(d time.Duration) string {
	switch d {
	case none:
		return "-"
	case never:
		return fmt.Sprintf("not in %.0f s", leasePatience.Seconds())
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}
