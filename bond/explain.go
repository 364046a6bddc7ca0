package bond

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// An explainedError is what the kernel said of a step, and what it left out.
type explainedError struct {
	err  error
	more string // why, and the command that mends it
}

func (e *explainedError) Error() string { return fmt.Sprintf("%v: %s", e.err, e.more) }
func (e *explainedError) Unwrap() error { return e.err }

// explain adds to an error what the kernel doesn't say, where bondctl knows it. It may
// have to list the links.
func explain(step Step, err error, links func() ([]rtnl.Link, error)) error {
	more := ""
	switch s := step.(type) {
	case addAddress:
		more = whyNoIPv6(s.Link, s.Address.Prefix.Addr().Is6(), err)
	case addRoute:
		more = whyNoIPv6(s.Link, !s.Route.Is4(), err)
	case enslave:
		if refusesMAC(err) {
			more = "its driver may take no MAC address but its own, which it keeps with fail_over_mac active"
		} else {
			more = whyDown(s.Member, err, links)
		}
	case setLink, giveBack:
		more = whyDown(step.link(), err, links)
	}
	if more == "" {
		return err
	}
	return &explainedError{err, more}
}

// whyNoIPv6 says why the kernel takes nothing of IPv6 for a link. It says EACCES where
// a sysctl has switched it off, and EOPNOTSUPP where it has none at all.
func whyNoIPv6(link string, is6 bool, err error) string {
	if !is6 || !errors.Is(err, unix.EACCES) && !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.EINVAL) {
		return ""
	}
	off := sysctl{Family: "ipv6", Key: "disable_ipv6"}
	switch value, err := os.ReadFile(sysctlPath(off, link)); {
	case errors.Is(err, fs.ErrNotExist) && !hasIPv6():
		return "this kernel has no IPv6, or it was switched off at boot (ipv6.disable=1)"
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Sprintf("IPv6 is off on %s, whose MTU is less than the %d that it wants", link, minMTU6)
	case strings.TrimSpace(string(value)) != "0":
		return fmt.Sprintf("IPv6 is disabled on %s; sysctl -w net.ipv6.conf.%[1]s.disable_ipv6=0 enables it", link)
	}
	return ""
}

// hasIPv6 says whether the kernel runs IPv6 at all.
func hasIPv6() bool {
	_, err := os.Stat("/proc/sys/net/ipv6/conf/all")
	return err == nil
}

// refusesMAC says whether a member may have been refused for the bond's MAC address,
// which it is to carry with fail_over_mac none. The kernel explains so where the driver
// can't set one at all; a driver that doesn't want this one says no more than an errno.
func refusesMAC(err error) bool {
	errno, _ := errors.AsType[unix.Errno](err)
	if explained := err.Error() != errno.Error(); explained {
		return strings.Contains(err.Error(), "MAC address")
	}
	// EPERM and EACCES are those of virtual functions. Who lacks the privilege hasn't
	// come as far as this: the journal is written first.
	return slices.Contains([]unix.Errno{unix.EOPNOTSUPP, unix.EPERM, unix.EACCES, unix.EADDRNOTAVAIL}, errno)
}

// whyDown names the device beneath a link that keeps it from being set up.
func whyDown(name string, err error, links func() ([]rtnl.Link, error)) string {
	if !errors.Is(err, unix.ENETDOWN) {
		return ""
	}
	list, err := links()
	if err != nil {
		return ""
	}
	s := State{Links: linksOf(list)}
	link, _ := s.link(name)
	if lower, down := s.lowerDown(link); down {
		return fmt.Sprintf("it stands on %s, which is down; ip link set %s up", lower, lower)
	}
	return ""
}
