package bond

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/bondctl/bondctl/bond/better"
	"github.com/bondctl/bondctl/bond/wlan"
)

// Figures are what is known of how fast slaves are, for [better.Choose]. wifi says which of them are
// Wi-Fi.
func (h *Host) Figures(names []string, wifi func(name string) bool) (links []better.Link, err error) {
	var stations map[string]wlan.Station
	for _, name := range names {
		l := better.Link{Name: name, WiFi: wifi(name)}
		if !l.WiFi {
			l.Speed, l.Kernel = h.wiredSpeed(name)
		} else {
			if stations == nil {
				if stations, err = readStations(); err != nil {
					return nil, err
				}
			}
			l.Signal = stations[name].Signal
			if rate := stations[name].Bitrate; rate != nil {
				l.Speed = int(math.Round(float64(*rate) / 1e6))
			}
		}
		links = append(links, l)
	}
	return links, nil
}

func readStations() (map[string]wlan.Station, error) {
	c, err := wlan.Open()
	if err != nil {
		return nil, fmt.Errorf("ask for signals: %w", err)
	}
	defer c.Close()
	return c.Stations()
}

// wiredSpeed is a link's speed in Mb/s, and whether the kernel knows it: it doesn't of many USB devices,
// whose speed on the bus says how fast they can be at most. 0 where nothing is known.
func (h *Host) wiredSpeed(name string) (speed int, kernel bool) {
	if d, err := h.sysfs.Device(name); err == nil && d.Speed != nil {
		return *d.Speed, true
	}
	// The device is an interface of a USB device, whose folder is the one above.
	device, err := filepath.EvalSymlinks(filepath.Join(h.sysfs.Root(), "class", "net", name, "device"))
	if err != nil {
		return 0, false
	}
	text, err := os.ReadFile(filepath.Join(filepath.Dir(device), "speed"))
	if err != nil {
		return 0, false
	}
	mbits, err := strconv.ParseFloat(strings.TrimSpace(string(text)), 64)
	if err != nil || mbits < 0 || mbits > math.MaxInt32 {
		return 0, false
	}
	return int(mbits), false // 1.5 is that of the slowest
}
