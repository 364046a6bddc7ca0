package doctor

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/wlan"
)

// checkObstacle tells what an up would stop at.
func checkObstacle(f *Facts) []Finding {
	if f.Obstacle == nil {
		return nil
	}
	return []Finding{{Severity: Fails, Seen: f.Obstacle.What, Why: "an up stops there, before it has changed anything", Mend: f.Obstacle.Mend}}
}

// checkHealth tells what status says of a bond.
func checkHealth(f *Facts) []Finding {
	if f.Bond == nil || f.Bond.Health == bond.HealthOK {
		return nil
	}
	found := Finding{Severity: Warns, Seen: f.Bond.HealthReason, Why: "the bond works, but is less than it is to be",
		Mend: fmt.Sprintf("bondctl status %s shows each member, and bondctl events %[1]s what has happened", f.Name)}
	if f.Bond.Health == bond.HealthDown {
		found.Severity, found.Why = Fails, "the bond carries nothing"
	}
	return []Finding{found}
}

// bond reads the bond, and what an up would say.
func (g Gatherer) bond(f *Facts) {
	if g.Name == "" {
		return
	}
	st, err := g.Host.Status(g.Name)
	switch {
	case err == nil && !slices.Contains(f.Pristine, g.Name): // or else an up takes it over
		f.Bond = &st
	case err == nil:
	case !errors.Is(err, bond.ErrNoBond):
		f.unknown(err, "health")
	}
	if g.Config == nil {
		return
	}
	_, err = g.Host.Plan(*g.Config)
	if obstacle, ok := errors.AsType[*bond.ObstacleError](err); ok {
		f.Obstacle = &Obstacle{obstacle.What, obstacle.Mend.String()}
		if obstacle.Force {
			f.Obstacle.Mend = "bondctl status " + g.Name + " shows what goes over it; choose another name for the new bond, or take it away with whatever made it"
		}
	} else if wrong, ok := errors.AsType[*bond.ConfigError](err); ok {
		f.Obstacle = wrongConfig(wrong)
	} else {
		f.unknown(err, "obstacle")
	}
}

// wrongConfig is what can't be wanted of the members that are there; nil where a check of its
// own says that.
func wrongConfig(wrong *bond.ConfigError) *Obstacle {
	var all []string
	for _, p := range wrong.Problems {
		if p.Key != "mtu" {
			all = append(all, p.Key+": "+p.Message.String())
		}
	}
	if all == nil {
		return nil
	}
	return &Obstacle{strings.Join(all, "; "), "change the configuration as it says"}
}

// members reads the members and all other links.
func (g Gatherer) members(f *Facts) {
	c := bond.Config{Name: g.Name}
	if g.Config != nil {
		c = *g.Config
	}
	survey, err := g.Host.Survey(c)
	if err != nil {
		f.unknown(err, "member-traffic", "rfkill", "mac-fixed", "same-mac", "mtu", "half-dead", "networks-differ", "better-speed")
		return
	}
	f.Options, f.Others = survey.Options, survey.Others
	for _, s := range survey.Members {
		m := Member{Surveyed: s, Enslaved: f.Bond != nil && s.Name != "" && s.Master == g.Name}
		if s.Name != "" {
			g.device(&m)
		}
		f.Members = append(f.Members, m)
	}
	g.radios(f)
}

// device adds what sysfs knows of a member.
func (g Gatherer) device(m *Member) {
	if d, err := g.sysfs().Device(m.Name); err == nil {
		m.Type = d.Type
	}
	if blocked, err := g.sysfs().RFKill(m.Name); err == nil {
		m.RFKill = blocked
	}
	m.Received = reader{g.Root}.received(m.Name)
}

// radios asks Wi-Fi members whether they sleep.
func (g Gatherer) radios(f *Facts) {
	if !slices.ContainsFunc(f.Members, func(m Member) bool { return m.WiFi }) {
		return
	}
	client, err := wlan.Open()
	if err != nil {
		f.unknown(err, "power-save")
		return
	}
	defer client.Close()
	for i := range f.Members {
		m := &f.Members[i]
		if !m.WiFi {
			continue
		}
		// A driver that doesn't know the word never sleeps.
		if on, err := client.PowerSave(m.Index); err == nil {
			m.PowerSave = &on
		}
	}
}
