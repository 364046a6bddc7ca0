package suite

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/google/go-cmp/cmp"
)

// Conditions for Eventually on what bondctl and other programs say.

// asks is a condition for Eventually that runs bondctl. To start a program keeps an emulated machine from
// what is being waited for, so it is run again when the keeper has noted something, or after a while:
// what the kernel alone knows is in the status as well.
func asks(h *netnstest.Host, cond func() error) func() error {
	const while = 500 * time.Millisecond
	var asked time.Time
	var noted string
	var err error
	return func() error {
		now := notes(h)
		if now != noted || time.Since(asked) > while {
			noted, err = now, cond()
			asked = time.Now()
		}
		return err
	}
}

// notes tells apart what bondctl has noted: each of its files is replaced when there is something new.
func notes(h *netnstest.Host) string {
	files, _ := filepath.Glob(in(h, "/run/bondctl/*/bond0/*"))
	var all strings.Builder
	for _, file := range files {
		if info, err := os.Stat(file); err == nil {
			fmt.Fprintln(&all, filepath.Base(file), info.ModTime().UnixNano(), info.Size())
		}
	}
	return all.String()
}

// says is a condition for Eventually: bond0's status passes the check.
func says(t *testing.T, h *netnstest.Host, check func(st bondStatus) error) func() error {
	return asks(h, func() error { return check(status(t, h)) })
}

// rolesAre waits until the status says this of the members. What is new in a bond needs a moment to be
// chosen.
func rolesAre(t *testing.T, h *netnstest.Host, want ...string) {
	t.Helper()
	netnstest.Eventually(t, says(t, h, func(st bondStatus) error {
		if diff := cmp.Diff(want, st.roles()); diff != "" {
			return fmt.Errorf("roles (-want +got):\n%s", diff)
		}
		return nil
	}))
}

// healthSays is a condition for Eventually: it is among the reasons for bond0's health.
func healthSays(t *testing.T, h *netnstest.Host, want string) func() error {
	return says(t, h, func(st bondStatus) error {
		if !strings.Contains(st.HealthReason, want) {
			return fmt.Errorf("the health is %q, want %q", st.HealthReason, want)
		}
		return nil
	})
}

// noTrouble is a condition for Eventually.
func noTrouble(t *testing.T, h *netnstest.Host) func() error {
	return says(t, h, func(st bondStatus) error {
		if st.Health != "ok" {
			return fmt.Errorf("health is %s: %s", st.Health, st.HealthReason)
		}
		return nil
	})
}

// noted is a condition for Eventually: that slave is active, and the keeper has noted it.
func noted(t *testing.T, h *netnstest.Host, slave string) func() error {
	return says(t, h, func(st bondStatus) error {
		if st.ActiveSlave != slave || st.ActiveSince == nil {
			return fmt.Errorf("%q is active since %v, want %s and a time", st.ActiveSlave, st.ActiveSince, slave)
		}
		return nil
	})
}

// leased is a condition for Eventually: bond0 has an address by DHCP that begins so, and no other.
func leased(t *testing.T, h *netnstest.Host, begins string) func() error {
	return says(t, h, func(st bondStatus) error {
		if st.Lease == nil || !strings.HasPrefix(st.Lease.Address, begins) {
			return fmt.Errorf("the lease is %+v, want one that begins with %s", st.Lease, begins)
		}
		if diff := cmp.Diff([]string{st.Lease.Address}, st.Addresses); diff != "" {
			return fmt.Errorf("addresses (-want +got)\n%s", diff)
		}
		return nil
	})
}

// leaseOf is the address that bond0 has by DHCP.
func leaseOf(t *testing.T, h *netnstest.Host) netip.Prefix {
	t.Helper()
	st := status(t, h)
	if st.Lease == nil {
		t.Fatal("there is no lease")
	}
	return netip.MustParsePrefix(st.Lease.Address)
}

// wrote is a condition for Eventually: a program's output has the text.
func wrote(p *netnstest.Process, text string) func() error {
	return func() error {
		if !strings.Contains(p.Output(), text) {
			return fmt.Errorf("it didn't write %q", text)
		}
		return nil
	}
}
