package bond

import (
	"slices"
	"time"

	"github.com/bondctl/bondctl/bond/internal/statedir"
)

// addDHCP adds to a bond's health what DHCP servers are being asked. A bond whose IPv4
// address is to be leased, and isn't yet, is degraded from the first moment on, unless
// IPv6 alone would do and does.
func (st *Status) addDHCP(c *Config, k statedir.Keeper) {
	if c == nil || !c.WantsDHCP() || st.Bridge != "" || st.Health == HealthDown || st.IPv6 && c.IPv4Optional() {
		return
	}
	troubled := slices.ContainsFunc(k.Troubles, func(t statedir.Trouble) bool { return t.Source == statedir.SourceDHCP })
	var text string
	switch {
	case !k.Asking.Since.IsZero():
		text = "dhcp: asking servers since " + k.Asking.Since.Local().Format(time.TimeOnly)
		if k.Asking.Address.IsValid() {
			text += " whether " + k.Asking.Address.String() + " holds here"
		} else {
			text += " for an address"
		}
	case st.Lease == nil && !troubled:
		text = "dhcp: no address is leased yet"
	default:
		return
	}
	if st.Lease == nil && st.Health == HealthOK {
		st.Health, st.HealthReason = HealthDegraded, text
		return
	}
	st.HealthReason += "; " + text
}
