package main

import (
	"fmt"
	"html"
	"slices"
	"strings"
	"time"
)

// table is what was measured, in Markdown.
func table(results []result, trials int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| | set up | frames lost at a pulled cable: median (worst of %d) | outage: median (worst) | frames lost at a removed NIC | on the way back (worst) | lease on a known network | on an unknown one | resident, own + program | wake-ups in 20 s | status |\n", trials)
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, r := range results {
		if r.leftOut != "" {
			fmt.Fprintf(&b, "| %s | left out: %s | | | | | | | | | |\n", r.name, strings.ReplaceAll(r.leftOut, "\n", " "))
			continue
		}
		memory, wakeUps := "-", "-"
		if r.own > 0 {
			memory, wakeUps = fmt.Sprintf("%.1f + %.1f MB", float64(r.own)/1024, float64(r.program)/1024), fmt.Sprint(r.wakeUps)
		}
		fmt.Fprintf(&b, "| %s | %s | %d (%d) | %.1f ms (%.1f) | %d | %d | %s | %s | %s | %s | %s |\n", r.name, inMillis(r.setUp),
			median(r.lost), slices.Max(r.lost), float64(median(r.outage))/1000, float64(slices.Max(r.outage))/1000,
			median(r.removed), slices.Max(r.back), inMillis(r.known), inMillis(r.unknown), memory, wakeUps, inMillis(r.status))
	}
	return b.String()
}

func inMillis(d time.Duration) string {
	switch d {
	case none:
		return "-"
	case never:
		return fmt.Sprintf("not within %.0f s", leasePatience.Seconds())
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}

func median(list []int) int {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}

// svgStart is how the picture begins.
const svgStart = "<svg "

// The picture's measures.
const (
	svgWidth, svgRow  = 900, 34
	svgLeft, svgRight = 300, 30
	svgTop, svgBottom = 40, 40
)

// picture has a row for each contender, with a dot for each of its outages at a pulled cable, and a line
// at their median. Its colours are seen on white and on black.
func picture(results []result) string {
	var shown []result
	most := 1
	for _, r := range results {
		if r.leftOut == "" {
			shown = append(shown, r)
			most = max(most, slices.Max(r.outage))
		}
	}
	step := niceStep(most)
	most = (most + step - 1) / step * step
	x := func(us int) float64 {
		return svgLeft + float64(us)/float64(most)*(svgWidth-svgLeft-svgRight)
	}
	height := svgTop + svgRow*len(shown) + svgBottom
	var b strings.Builder
	fmt.Fprintf(&b, svgStart+"xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"14\" fill=\"#888\">\n", svgWidth, height)
	b.WriteString("<text x=\"10\" y=\"20\">Outage at a pulled cable, in ms: each trial, and the median (emulated machine)</text>\n")
	for us := 0; us <= most; us += step {
		upright(&b, x(us), svgTop-10, float64(height-svgBottom), `stroke="#888" stroke-opacity="0.3"`)
		fmt.Fprintf(&b, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%d</text>\n", x(us), height-svgBottom+20, us/1000)
	}
	for i, r := range shown {
		y := float64(svgTop + svgRow*i + svgRow/2)
		fmt.Fprintf(&b, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n", svgLeft-15, y+5, html.EscapeString(r.name))
		for _, us := range r.outage {
			fmt.Fprintf(&b, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"#38c\" fill-opacity=\"0.5\"/>", x(us), y)
		}
		upright(&b, x(median(r.outage)), y-11, y+11, `stroke="#e60" stroke-width="3"`)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// upright draws a line from top to bottom.
func upright(b *strings.Builder, x, top, bottom float64, look string) {
	fmt.Fprintf(b, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>\n", x, top, x, bottom, look)
}

// niceStep is the distance of the lines of a scale to so many microseconds.
func niceStep(most int) int {
	step := 1000
	for _, factor := range []int{2, 5, 10, 20, 50, 100, 200, 500, 1000} {
		if most/step <= 10 {
			break
		}
		step = 1000 * factor
	}
	return step
}
