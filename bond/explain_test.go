package bond

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// TestMemberRefusesMAC names fail_over_mac active for a driver that takes no foreign MAC
// address, and for nothing else, and nothing else with it.
func TestMemberRefusesMAC(t *testing.T) {
	noLinks := func() ([]rtnl.Link, error) { return nil, nil }
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
			err := &StepError{Step: tt.step, Err: explain(tt.step, tt.err, noLinks)}
			if got := strings.Contains(err.Error(), "fail_over_mac active"); got != tt.want || got && err.Hint() != "" {
				t.Errorf("%v, with the hint %q; it names fail_over_mac active: %t, want %t", err, err.Hint(), got, tt.want)
			}
		})
	}
}
