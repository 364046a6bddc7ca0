package main

import (
	"fmt"
	"html"
	"slices"
	"strings"
	"time"
)

// pictureStart is how a picture begins.
const pictureStart = "<svg "

// The picture's measures, in pixels.
const (
	pictureWidth                  = 940
	rowHeight                     = 34
	marginLeft, marginRight       = 320, 40
	marginTop, marginBottom       = 48, 36
	dotSpread                     = 5                               // dots of the same outage aren't all at one place
	textColor, dotColor, midColor = "#7d7d7d", "#3b8fd4", "#e8710a" // seen on white and on black
)

// picture has a row for each peer, with a dot for each of its outages at a pulled cable, and a line at
// their median.
func picture(results []result) string {
	var shown []result
	var most time.Duration
	for _, r := range results {
		if r.leftOut == "" && len(r.pulled) > 0 {
			shown = append(shown, r)
			for _, l := range r.pulled {
				most = max(most, l.Outage)
			}
		}
	}
	step := scaleStep(most)
	end := (most/step + 1) * step
	x := func(d time.Duration) float64 {
		return marginLeft + d.Seconds()/end.Seconds()*(pictureWidth-marginLeft-marginRight)
	}
	bottom := marginTop + rowHeight*len(shown)
	var b strings.Builder
	fmt.Fprintf(&b, pictureStart+`xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="14" fill="%s">`+"\n",
		pictureWidth, bottom+marginBottom, textColor)
	b.WriteString("<title>Outage at a pulled cable</title>\n")
	b.WriteString(`<text x="10" y="20">Outage at a pulled cable, in ms, in an emulated machine: each trial, and the median</text>` + "\n")
	for d := time.Duration(0); d <= end; d += step {
		fmt.Fprintf(&b, `<path d="M%.1f %d V%d" stroke="%s" stroke-opacity="0.35"/><text x="%.1f" y="%d" text-anchor="middle">%d</text>`+"\n",
			x(d), marginTop-10, bottom, textColor, x(d), bottom+20, d.Milliseconds())
	}
	for i, r := range shown {
		y := marginTop + rowHeight*i + rowHeight/2
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", marginLeft-14, y+5, html.EscapeString(r.name))
		var all []time.Duration
		for j, l := range r.pulled {
			all = append(all, l.Outage)
			fmt.Fprintf(&b, `<circle cx="%.1f" cy="%d" r="3.5" fill="%s" fill-opacity="0.65"/>`, x(l.Outage), y+(j%3-1)*dotSpread, dotColor)
		}
		slices.Sort(all)
		fmt.Fprintf(&b, "\n"+`<path d="M%.1f %d V%d" stroke="%s" stroke-width="3"/>`+"\n", x(all[len(all)/2]), y-12, y+12, midColor)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// scaleStep is the distance between the lines of a scale that ends there: ten of them at the most, at
// round numbers.
func scaleStep(end time.Duration) time.Duration {
	for step := time.Millisecond; ; step *= 10 {
		for _, factor := range []time.Duration{1, 2, 5} {
			if end/(step*factor) < 10 {
				return step * factor
			}
		}
	}
}
