package bond

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/bondctl/bondctl/bond/internal/mptcp"
)

// The steps below tell Multipath TCP over which addresses connections may go.

// addEndpoint lets connections have a subflow over a link's address.
type addEndpoint struct {
	Link     string
	Endpoint mptcp.Endpoint
}

func (s addEndpoint) link() string { return s.Link }
func (s addEndpoint) String() string {
	return fmt.Sprintf("add MPTCP endpoint %s over %s%s", s.Endpoint.Addr, s.Link, backupWord(s.Endpoint))
}

// setEndpoint makes an endpoint a backup, or the one that is used.
type setEndpoint struct {
	Link     string
	Endpoint mptcp.Endpoint
}

func (s setEndpoint) link() string { return s.Link }
func (s setEndpoint) String() string {
	return fmt.Sprintf("have MPTCP use %s over %s%s", s.Endpoint.Addr, s.Link, backupWord(s.Endpoint))
}

func backupWord(e mptcp.Endpoint) string {
	if e.Backup {
		return " as a backup"
	}
	return ""
}

// delEndpoint removes an endpoint.
type delEndpoint struct {
	Link     string
	Endpoint mptcp.Endpoint
}

func (s delEndpoint) link() string   { return s.Link }
func (s delEndpoint) String() string { return fmt.Sprintf("remove MPTCP endpoint %s", s.Endpoint.Addr) }

// setMPTCPLimits sets how many subflows a connection may have.
type setMPTCPLimits struct {
	Group    string
	From, To mptcp.Limits
}

func (s setMPTCPLimits) link() string { return s.Group }
func (s setMPTCPLimits) String() string {
	return fmt.Sprintf("set the MPTCP limits: subflows %d -> %d, add_addr_accepted %d -> %d", s.From.Subflows, s.To.Subflows, s.From.AddAddrs, s.To.AddAddrs)
}

// An mptcpState is what Multipath TCP has of a namespace.
type mptcpState struct {
	endpoints []mptcp.Endpoint
	limits    mptcp.Limits
}

// readMPTCP reads it; nil where the kernel has none.
func readMPTCP() (*mptcpState, error) {
	c, err := mptcp.Open()
	if errors.Is(err, mptcp.ErrUnsupported) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var s mptcpState
	if s.endpoints, err = c.Endpoints(); err == nil {
		s.limits, err = c.Limits()
	}
	return &s, err
}

// find finds the endpoint of an address.
func (s *mptcpState) find(addr netip.Addr) (mptcp.Endpoint, bool) {
	if s == nil {
		return mptcp.Endpoint{}, false
	}
	i := slices.IndexFunc(s.endpoints, func(e mptcp.Endpoint) bool { return e.Addr == addr })
	if i < 0 {
		return mptcp.Endpoint{}, false
	}
	return s.endpoints[i], true
}

// doMPTCP carries out one of the steps above.
func (k *kernel) doMPTCP(step Step) error {
	c, err := mptcp.Open()
	if err != nil {
		return err
	}
	defer c.Close()
	switch s := step.(type) {
	case addEndpoint:
		index, err := k.ifindex(s.Link)
		if err != nil {
			return err
		}
		s.Endpoint.Link = index
		return c.Add(s.Endpoint)
	case setEndpoint:
		return c.SetBackup(s.Endpoint)
	case delEndpoint:
		return c.Del(s.Endpoint)
	case setMPTCPLimits:
		return c.SetLimits(s.To)
	}
	panic(fmt.Sprintf("bond: unknown step %T", step))
}

// mptcp announces each member's addresses: the preferred one's to be used, the others' as backups. What somebody else
// has announced stays as it is.
func (p *routesPlanner) mptcp(c Config) {
	var wanted []netip.Addr
	if c.MPTCP && p.state.mptcp == nil {
		p.note("this kernel has no Multipath TCP (CONFIG_MPTCP); mptcp does nothing")
	}
	if c.MPTCP && p.state.mptcp != nil {
		wanted = p.announced()
	}
	for _, added := range p.state.added().Endpoints {
		if e, there := p.state.mptcp.find(added.Addr); there && !slices.Contains(wanted, added.Addr) {
			p.add(delEndpoint{added.Link, e})
		}
	}
}

// announced plans the endpoints that are missing or other than wanted, and returns the addresses of all.
func (p *routesPlanner) announced() (wanted []netip.Addr) {
	active := preferred(p.members)
	var steps []Step
	for i, m := range p.members {
		for _, n := range m.nets {
			for _, a := range n.addresses {
				wanted = append(wanted, a.Addr())
				want := mptcp.Endpoint{Addr: a.Addr(), Subflow: true, Backup: i != active}
				ours := slices.Contains(p.state.added().Endpoints, addedEndpoint{m.link.Name, a.Addr()})
				has, there := p.state.mptcp.find(a.Addr())
				switch {
				case !there:
					steps = append(steps, addEndpoint{m.link.Name, want})
				case ours && has.Backup != want.Backup:
					has.Backup = want.Backup
					steps = append(steps, setEndpoint{m.link.Name, has})
				}
			}
		}
	}
	has := p.state.mptcp.limits
	if least := uint32(len(wanted)); has.Subflows < least || has.AddAddrs < least {
		p.add(setMPTCPLimits{p.Bond, has, mptcp.Limits{Subflows: max(has.Subflows, least), AddAddrs: max(has.AddAddrs, least)}})
	}
	p.add(steps...)
	return wanted
}

// An addedEndpoint is an address that bondctl has announced to Multipath TCP.
type addedEndpoint struct {
	Link string     `json:"link"`
	Addr netip.Addr `json:"address"`
}

// mptcp takes back what was announced.
func (r *restorer) mptcp() {
	for _, added := range r.before.Added.Endpoints {
		if e, there := r.now.mptcp.find(added.Addr); there {
			r.add(delEndpoint{added.Link, e})
		}
	}
	if was := r.before.MPTCPLimits; was != nil && r.now.mptcp != nil && r.now.mptcp.limits != *was {
		r.add(setMPTCPLimits{r.Bond, r.now.mptcp.limits, *was})
	}
}

// keepMPTCP notes what one of the steps changes.
func (i *Image) keepMPTCP(step Step) {
	switch step := step.(type) {
	case addEndpoint:
		i.Added.Endpoints = with(i.Added.Endpoints, addedEndpoint{step.Link, step.Endpoint.Addr})
	case setMPTCPLimits:
		if i.MPTCPLimits == nil {
			i.MPTCPLimits = new(step.From)
		}
	}
}
