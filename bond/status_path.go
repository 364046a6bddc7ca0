package bond

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/statedir"
	"github.com/bondctl/bondctl/bond/upstream"
)

// ProbeStatus is how a keeper watches paths, with what is so by default.
type ProbeStatus struct {
	Target   []string `json:"target"` // gateway, or addresses and URLs
	Interval Millis   `json:"interval"`
	Fails    int      `json:"fails"`
	Passes   int      `json:"passes"`
}

// PathStatus is what a keeper knows of the path behind a member.
type PathStatus struct {
	State   upstream.State `json:"state"`  // ok, dead, unknown
	RTT     *float64       `json:"rtt_ms"` // of the last answer
	Loss    *int           `json:"loss"`   // percent of the latest questions that had no answer
	Targets []string       `json:"targets"`
}

func (p *Probe) status() *ProbeStatus {
	if p == nil {
		return nil
	}
	st := ProbeStatus{Interval: Millis(p.Every().Milliseconds()), Target: []string{targetGateway}}
	st.Fails, st.Passes = p.Needs()
	if list := p.targets(); list != nil {
		st.Target = list
	}
	return &st
}

// addPaths adds what the bond's keeper knows of paths.
func (st *Status) addPaths(k statedir.Keeper) {
	aside := false
	for i, m := range st.Members {
		for _, p := range k.Paths {
			if p.Slave != m.Name || m.Role != RoleActive && m.Role != RoleBackup {
				continue
			}
			targets := append([]string{}, k.PathTargets...)
			if p.Gateway.IsValid() {
				targets = []string{p.Gateway.String()}
			}
			st.Members[i].Path = &PathStatus{p.State, p.RTT, p.Loss, targets}
			aside = aside || p.Aside && m.Role == RoleBackup && m.rivals()
		}
	}
	if aside && value(st.ActiveReason) == ReasonHeld {
		st.ActiveReason = new(ReasonPath)
	}
}

// Unanswered says that nobody answers.
func Unanswered(targets []string) string {
	if len(targets) == 1 {
		return targets[0] + " doesn't answer"
	}
	return "none of " + strings.Join(targets, ", ") + " answers"
}

// gateways are those of the default routes over the bond, each once, IPv4 first.
func (s *State) gateways() (list []netip.Addr) {
	bond, present := s.link(s.Name)
	for _, r := range s.routes {
		if !present || r.Destination.Bits() != 0 || r.Type != unix.RTN_UNICAST || r.Link != bond.Index {
			continue
		}
		if g := r.Gateway.WithZone(""); g.IsValid() {
			list = with(list, g)
		}
	}
	slices.SortStableFunc(list, func(a, b netip.Addr) int { return a.BitLen() - b.BitLen() })
	return list
}

// ActiveSlave reads which slave is active, right now; "" for none. It is for who can't wait for a look.
func (h *Host) ActiveSlave(name string) string {
	text, _ := os.ReadFile(filepath.Join(h.sysfs.Root(), "class", "net", name, "bonding", "active_slave"))
	return strings.TrimSpace(string(text))
}
