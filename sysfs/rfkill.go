package sysfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// RFKill says whether rfkill blocks a Wi-Fi device: "hard" by a switch, "soft"
// by software, "" not at all (class/net/NAME/phy80211/rfkill*/hard and soft).
// A device that isn't Wi-Fi is never blocked.
func (f FS) RFKill(name string) (string, error) {
	if err := CheckName(name); err != nil {
		return "", err
	}

	phy := f.path(name, "phy80211")
	entries, err := os.ReadDir(phy)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read rfkill of %s: %w", name, err)
	}

	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "rfkill") {
			continue
		}
		for _, kind := range []string{"hard", "soft"} {
			// A switch that vanishes blocks nothing any more.
			if b, err := os.ReadFile(phy + "/" + e.Name() + "/" + kind); err == nil && strings.TrimSpace(string(b)) == "1" {
				return kind, nil
			}
		}
	}

	return "", nil
}
