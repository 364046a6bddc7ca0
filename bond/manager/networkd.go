package manager

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/bondctl/bondctl/bond/owner"
)

// networkd is systemd-networkd(8). What it does with a link stands in a file below
// /run/systemd/netif, and it leaves one alone that a .network file of ours calls unmanaged.
type networkd struct{}

const networkdUnit = "systemd-networkd.service"

func (networkd) runs() bool { return isActive(networkdUnit) }

func (networkd) holds(_ context.Context, interfaces []string) (holds []Hold, err error) {
	for _, name := range interfaces {
		link, failed := net.InterfaceByName(name)
		if failed != nil {
			continue // it isn't there
		}
		file, failed := networkdFile(link.Index)
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("read what systemd-networkd does with %s: %w", name, failed))
		}
		if file == "" {
			continue
		}
		h := Hold{Link: owner.Link{Interface: name}, Manager: Networkd, Follows: file, Restore: file}
		if isNetplans(file) {
			h.Follows += " of netplan"
		}
		if h.Identity, h.Lease, failed = networkdLease(*link, file); failed != nil {
			err = errors.Join(err, fmt.Errorf("read what systemd-networkd was lent for %s: %w", name, failed))
		}
		holds = append(holds, h)
	}
	return holds, err
}

// isNetplans says whether netplan(5) writes a .network file, at boot and at "netplan apply".
func isNetplans(file string) bool {
	return strings.HasPrefix(file, "/run/systemd/network/10-netplan-")
}

// networkdFile is the .network file by which networkd looks after a link; "" where it doesn't.
func networkdFile(ifindex int) (string, error) {
	state, err := readAssignments(filepath.Join(root, "run/systemd/netif/links", strconv.Itoa(ifindex)))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil || slices.Contains([]string{"", "unmanaged", "linger"}, state["ADMIN_STATE"]) {
		return "", err
	}
	return state["NETWORK_FILE"], nil
}
