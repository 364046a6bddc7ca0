package better

import (
	"math/rand/v2"
	"testing"
)

var (
	cable  = Link{Name: "eth0", Kernel: true, Speed: 1000}
	slow   = Link{Name: "eth1", Kernel: true, Speed: 10}
	dock   = Link{Name: "usb0"}
	weak   = Link{Name: "wlan0", WiFi: true, Speed: 54, Signal: new(-75)}
	strong = Link{Name: "wlan1", WiFi: true, Speed: 300, Signal: new(-45)}
	mute   = Link{Name: "wlan2", WiFi: true, Speed: 54}
)

func TestChoose(t *testing.T) {
	for _, tt := range []struct {
		name   string
		active string
		links  []Link
		want   string // "" where the kernel decides
	}{
		{"the kernel knows", "eth1", []Link{cable, slow}, ""},
		{"nothing", "eth1", nil, ""},
		{"a cable is returned to", "wlan0", []Link{cable, weak, strong}, "eth0"},
		{"and stays", "eth0", []Link{cable, weak, strong}, "eth0"},
		{"a dock of unknown speed is a cable", "wlan1", []Link{dock, strong}, "usb0"},
		{"and stays, too", "usb0", []Link{strong, dock}, "usb0"},
		{"the stronger one", "wlan0", []Link{weak, strong}, "wlan1"},
		{"which stays", "wlan1", []Link{weak, strong}, "wlan1"},
		{"after a cable, too", "", []Link{weak, strong}, "wlan1"},
		{"a cable from another time is one", "wlan1", []Link{slow, strong}, "eth1"},
		{"a much faster cable", "eth1", []Link{slow, dock, cable}, "usb0"}, // which was first
		{"of unknown signals the much faster one", "wlan2", []Link{mute, {Name: "wlan3", WiFi: true, Speed: 300}}, "wlan3"},
		{"and not any", "wlan2", []Link{{Name: "wlan3", WiFi: true, Speed: 65}, mute}, "wlan2"},
		{"of two docks the one that serves", "usb1", []Link{dock, {Name: "usb1"}}, "usb1"},
	} {
		got, why, ok := Choose(tt.active, tt.links)
		if got != tt.want || ok != (tt.want != "") {
			t.Errorf("%s: %q (%s), want %q", tt.name, got, why, tt.want)
		}
	}
	if _, why, _ := Choose("wlan0", []Link{cable, dock, weak}); why != "eth0 1000 Mb/s, usb0 of unknown speed, wlan0 -75 dBm 54 Mb/s" {
		t.Errorf("by %q", why)
	}
}

// Signals that wobble by less than half the margin each move nothing, whatever the order.
func TestWobble(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		base := -80 + r.IntN(50)
		active := "wlan0"
		for range 100 {
			wobble := func() *int { return new(base + r.IntN(margin) - margin/2) }
			links := []Link{{Name: "wlan0", WiFi: true, Signal: wobble()}, {Name: "wlan1", WiFi: true, Signal: wobble()}}
			if got, why, _ := Choose(active, links); got != active {
				t.Fatalf("%s is left for %s: %s", active, got, why)
			}
		}
	}
}

// Whoever is chosen stays chosen while nothing changes.
func TestStays(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 10_000 {
		var links []Link
		for i := range 1 + r.IntN(4) {
			l := Link{Name: string(rune('a' + i)), WiFi: r.IntN(2) == 0, Speed: []int{0, 10, 100, 1000, 54, 300}[r.IntN(6)]}
			l.Kernel = !l.WiFi && l.Speed > 0
			if l.WiFi && r.IntN(3) > 0 {
				l.Signal = new(-90 + r.IntN(60))
			}
			links = append(links, l)
		}
		active, seen := "", map[string]bool{}
		for {
			got, why, ok := Choose(active, links)
			if !ok || got == active {
				break
			}
			if seen[got] {
				t.Fatalf("%s again, from %s: %s", got, active, why)
			}
			active, seen[got] = got, true
		}
	}
}

func TestWavers(t *testing.T) {
	for _, tt := range []struct {
		links []Link
		want  bool
	}{{[]Link{cable, weak, strong}, false}, {[]Link{weak, strong}, true}, {[]Link{weak}, false}, {nil, false}} {
		if got := Wavers(tt.links); got != tt.want {
			t.Errorf("%v: %t", tt.links, got)
		}
	}
}
