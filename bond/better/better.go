// Package better says which slave of a bond serves best where the kernel can't tell
// (primary_reselect better): it takes an unknown speed, as of Wi-Fi and many USB docks, for
// the fastest, so it never returns from such a slave. Here a cable goes before Wi-Fi, a much faster cable before a
// slow one, and a stronger Wi-Fi before a weaker one.
//
// It is pure. What is compared changes all the time on Wi-Fi, so a slave is left only for one that
// is better by a margin.
package better

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// A Link is a slave that could be active, by what is known of how fast it is.
type Link struct {
	Name string
	WiFi bool
	// Kernel says that the kernel knows the speed.
	Kernel bool
	// Speed is in Mb/s: what the kernel knows or, of a USB device, what was negotiated with the bus
	// (the file speed of its sysfs folder); of Wi-Fi the bit rate (NL80211_STA_INFO_TX_BITRATE).
	// 0 where it isn't known.
	Speed int
	// Signal is that of Wi-Fi, in dBm (NL80211_STA_INFO_SIGNAL); nil where it isn't known.
	Signal *int
}

// margin is by how many dB a link must be better: half as much is what a person who walks by
// makes of Wi-Fi, and a cable must be six times as fast.
const margin = 8

// Choose says which of several links serves best, the preferred ones first, and by what figures. active is
// the one that does now, and may not be among them. ok is false where the kernel knows every
// speed, and decides itself.
func Choose(active string, links []Link) (name, why string, ok bool) {
	if len(links) == 0 || !slices.ContainsFunc(links, func(l Link) bool { return !l.Kernel }) {
		return "", "", false
	}
	best := links[0]
	if i := slices.IndexFunc(links, func(l Link) bool { return l.Name == active }); i >= 0 {
		best = links[i]
	}
	for _, l := range links {
		if l.beats(best) {
			best = l
		}
	}
	var figures []string
	for _, l := range links {
		figures = append(figures, l.String())
	}
	return best.Name, strings.Join(figures, ", "), true
}

// Wavers says whether the choice depends on signals, which nobody tells of: it is to be made again
// in a while.
func Wavers(links []Link) bool {
	wireless := 0
	for _, l := range links {
		if !l.WiFi {
			return false
		}
		wireless++
	}
	return wireless > 1
}

// beats says whether another link is to be left for this one: any cable goes before any Wi-Fi.
func (l Link) beats(o Link) bool {
	if l.WiFi != o.WiFi {
		return o.WiFi
	}
	return l.worth() >= o.worth()+margin
}

// worth is a link's among its kind, in dB: of Wi-Fi the signal or, without one, what the bit rate lets
// expect; of a cable its speed, which is that of most where it isn't known.
func (l Link) worth() float64 {
	switch {
	case l.Signal != nil:
		return float64(*l.Signal)
	case l.WiFi:
		return -90 + decibels(max(1, l.Speed))
	case l.Speed == 0:
		return decibels(1000)
	}
	return decibels(l.Speed)
}

func decibels(speed int) float64 { return 12 * math.Log10(float64(speed)) }

// String has the figures.
func (l Link) String() string {
	text := l.Name
	if l.Signal != nil {
		text += fmt.Sprintf(" %d dBm", *l.Signal)
	}
	switch {
	case l.Speed > 0:
		text += fmt.Sprintf(" %d Mb/s", l.Speed)
	case l.Signal == nil:
		text += " of unknown speed"
	}
	return text
}
