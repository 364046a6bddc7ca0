package netnstest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Host is a machine under test, with a [LAN] behind it.
type Host struct {
	*Namespace
	lan, other, third *LAN
}

// HostOption is something that [New] and [NewMachine] shall do.
type HostOption func(*hostOptions)

type hostOptions struct {
	private []string
}

// Private gives the machine empty folders of its own, beside /run: those where the program under
// test keeps configuration or state. Folders that don't exist are made.
func Private(folders ...string) HostOption {
	return func(o *hostOptions) { o.private = append(o.private, folders...) }
}

// New makes a host without any NIC but lo. It ends with the test. Hosts have nothing in common, so
// tests that use one each can run in parallel.
func New(t TB, opts ...HostOption) *Host {
	t.Helper()
	return newHost(t, unix.CLONE_NEWNET, opts)
}

func newHost(t TB, flags int, opts []HostOption) *Host {
	t.Helper()
	timeTest(t)
	var o hostOptions
	for _, opt := range opts {
		opt(&o)
	}
	return &Host{Namespace: newNamespace(t, "host", flags, o.private...)}
}

// LAN is the network that the host's cables lead to.
func (h *Host) LAN() *LAN {
	h.t.Helper()
	if h.lan == nil {
		h.lan = newLAN(h.t, "the LAN", LANAddr, LANAddr6)
	}
	return h.lan
}

// OtherLAN is another network, as of another place: it has another router and other addresses, and no
// way to the first one. See [Host.CableTo], [Machine.RadioTo] and [WiFi.MoveAP].
func (h *Host) OtherLAN() *LAN {
	h.t.Helper()
	if h.other == nil {
		h.other = newLAN(h.t, "the other LAN", OtherLANAddr, OtherLANAddr6)
	}
	return h.other
}

// ThirdLAN is one more network, as OtherLAN is.
func (h *Host) ThirdLAN() *LAN {
	h.t.Helper()
	if h.third == nil {
		h.third = newLAN(h.t, "the third LAN", ThirdLANAddr, ThirdLANAddr6)
	}
	return h.third
}

// Carrier is a condition for [Eventually]: the link has, or has no, carrier.
func (h *Host) Carrier(link string, want bool) func() error {
	return func() error {
		data, err := os.ReadFile(filepath.Join(h.Sys(), "class", "net", link, "carrier"))
		if err != nil {
			return fmt.Errorf("carrier of %s: %w", link, err)
		}
		if got := strings.TrimSpace(string(data)) == "1"; got != want {
			return fmt.Errorf("carrier of %s is %t, want %t", link, got, want)
		}
		return nil
	}
}

// Present is a condition for [Eventually]: there is, or is not, a link of that name.
func (h *Host) Present(link string, want bool) func() error {
	return func() error {
		_, err := os.Stat(filepath.Join(h.Sys(), "class", "net", link))
		if got := err == nil; got != want {
			return fmt.Errorf("presence of %s is %t, want %t", link, got, want)
		}
		return nil
	}
}
