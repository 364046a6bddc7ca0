package bond

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMemberRefusesMAC has the hint at fail_over_mac active for a driver that takes no
// foreign MAC address, and for nothing else.
func TestMemberRefusesMAC(t *testing.T) {
	join := enslave{Bond: "bond0", Member: "eth1"}
	for _, tt := range []struct {
		name string
		step Step
		err  error
		want bool
	}{
		{"no means to set one", join, fmt.Errorf("%w: %s", unix.EOPNOTSUPP,
			"Slave device does not support setting the MAC address, but fail_over_mac is not set to active"), true},
		{"an unexplained no", join, unix.EOPNOTSUPP, true},
		{"a virtual function", join, unix.EPERM, true},
		{"a virtual function of another driver", join, unix.EACCES, true},
		{"an address that it doesn't want", join, unix.EADDRNOTAVAIL, true},
		{"another explanation", join, fmt.Errorf("%w: %s", unix.EOPNOTSUPP, "Slave does not support XDP"), false},
		{"another explanation of a lack of privilege", join, fmt.Errorf("%w: %s", unix.EPERM, "Device can not be enslaved while up"), false},
		{"no link", join, unix.ENETDOWN, false},
		{"gone", join, errors.New("no such device"), false},
		{"no bonding driver", createBond{Name: "bond0"}, unix.EOPNOTSUPP, false},
		{"no privilege", createBond{Name: "bond0"}, unix.EPERM, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			hint := (&StepError{Step: tt.step, Err: tt.err}).Hint()
			if got := strings.Contains(hint, "--fail-over-mac active"); got != tt.want {
				t.Errorf("hint %q, which names --fail-over-mac active: %t, want %t", hint, got, tt.want)
			}
		})
	}
}
