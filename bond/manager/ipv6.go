package manager

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// KernelIPv6 has the kernel do a link's IPv6, for a link which its manager has let go of: NetworkManager and
// systemd-networkd do the kernel's part by themselves, and leave its own switched off. The link gets the settings of new
// links instead (/proc/sys/net/ipv6/conf/default).
func KernelIPv6(link string) error {
	return kernelIPv6("/proc/sys/net/ipv6/conf", link)
}

func kernelIPv6(conf, link string) error {
	for key, off := range map[string]string{"accept_ra": "0", "addr_gen_mode": "1"} {
		file := filepath.Join(conf, link, key)
		has, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) || err == nil && strings.TrimSpace(string(has)) != off {
			continue // a kernel without IPv6, or there is nothing to do
		}
		usual, readErr := os.ReadFile(filepath.Join(conf, "default", key))
		if err = errors.Join(err, readErr); err == nil {
			err = os.WriteFile(file, usual, 0)
		}
		if err != nil {
			return fmt.Errorf("have the kernel do the IPv6 of %s: %w", link, err)
		}
	}
	return nil
}
