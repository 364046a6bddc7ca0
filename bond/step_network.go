package bond

import (
	"fmt"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// The steps below change what a link carries. They name it, for its ifindex may
// not be known yet.

// addAddress gives a link an address (RTM_NEWADDR). Held says that this machine has it
// now, or had it a moment ago, on another link: so there is no need to find out whether
// somebody else has (RFC 4862, section 5.4).
type addAddress struct {
	Link    string
	Address rtnl.Addr
	Held    bool
}

func (s addAddress) link() string   { return s.Link }
func (s addAddress) String() string { return fmt.Sprintf("add %s to %s", s.Address, s.Link) }

// haveTemporary has the kernel make temporary addresses of one that a router's
// advertisement gave (RFC 8981), once its link is ready for that.
type haveTemporary struct {
	Link    string
	Address rtnl.Addr
}

func (s haveTemporary) link() string { return s.Link }
func (s haveTemporary) String() string {
	return fmt.Sprintf("have temporary addresses made of %s on %s", s.Address, s.Link)
}

// delAddress takes an address from a link (RTM_DELADDR).
type delAddress struct {
	Link    string
	Address rtnl.Addr
}

func (s delAddress) link() string   { return s.Link }
func (s delAddress) String() string { return fmt.Sprintf("remove %s from %s", s.Address, s.Link) }

// setAddress sets an address's flags and lifetime (RTM_NEWADDR with IFA_CACHEINFO): so
// a leased one ends with its lease even where no keeper is there to see it. With its metric
// (IFA_RT_PRIORITY) the kernel's route to its network gets another.
type setAddress struct {
	Link    string
	Address rtnl.Addr
	Metric  bool // that of its network's route is another from now on
}

func (s setAddress) link() string { return s.Link }
func (s setAddress) String() string {
	if s.Metric && s.Address.Metric == 0 {
		return fmt.Sprintf("have %s on %s with no metric of its own", s.Address, s.Link)
	}
	if s.Metric {
		return fmt.Sprintf("have %s on %s with metric %d", s.Address, s.Link, s.Address.Metric)
	}
	if s.Address.Valid == rtnl.Forever {
		return fmt.Sprintf("let %s on %s hold for ever", s.Address, s.Link)
	}
	return fmt.Sprintf("let %s on %s hold for %s", s.Address, s.Link, s.Address.Valid.Duration())
}

// addRoute adds a route over a link (RTM_NEWROUTE).
type addRoute struct {
	Link  string
	Route rtnl.Route
}

func (s addRoute) link() string   { return s.Link }
func (s addRoute) String() string { return fmt.Sprintf("add %s over %s", s.Route, s.Link) }

// delRoute takes away a route over a link (RTM_DELROUTE).
type delRoute struct {
	Link  string
	Route rtnl.Route
}

func (s delRoute) link() string   { return s.Link }
func (s delRoute) String() string { return fmt.Sprintf("remove %s over %s", s.Route, s.Link) }

// solicitRouters asks the routers on a link to advertise anew (RFC 4861, section 4.1).
type solicitRouters struct{ Link string }

func (s solicitRouters) link() string   { return s.Link }
func (s solicitRouters) String() string { return "ask the routers on " + s.Link + " to advertise anew" }

// addRule adds a rule that names a link (RTM_NEWRULE).
type addRule struct {
	Link string
	Rule rtnl.Rule
}

func (s addRule) link() string   { return s.Link }
func (s addRule) String() string { return "add " + s.Rule.String() }

// delRule takes away a rule (RTM_DELRULE).
type delRule struct {
	Link string
	Rule rtnl.Rule
}

func (s delRule) link() string   { return s.Link }
func (s delRule) String() string { return "remove " + s.Rule.String() }

// addNeighbour adds a neighbour of a link (RTM_NEWNEIGH).
type addNeighbour struct {
	Link      string
	Neighbour rtnl.Neighbour
}

func (s addNeighbour) link() string   { return s.Link }
func (s addNeighbour) String() string { return fmt.Sprintf("add %s over %s", s.Neighbour, s.Link) }

// knowNeighbours has a link know the neighbours that another one knew: a question that is
// asked while the link has no member is lost, and asked again only after a second.
type knowNeighbours struct {
	Link, From string
	Neighbours []rtnl.Neighbour
}

func (s knowNeighbours) link() string { return s.Link }
func (s knowNeighbours) String() string {
	return fmt.Sprintf("tell %s the neighbours that %s knows (%d)", s.Link, s.From, len(s.Neighbours))
}

// setSysctl writes a setting of a link below /proc/sys/net.
type setSysctl struct {
	Link string
	From string
	To   sysctl
}

func (s setSysctl) link() string { return s.Link }
func (s setSysctl) String() string {
	if s.To.Key == stableSecret {
		return fmt.Sprintf("set net.%s.conf.%s.%s", s.To.Family, s.Link, s.To.Key)
	}
	if s.From == "" {
		return fmt.Sprintf("set net.%s.conf.%s.%s to %s", s.To.Family, s.Link, s.To.Key, s.To.Value)
	}
	return fmt.Sprintf("set net.%s.conf.%s.%s: %s -> %s", s.To.Family, s.Link, s.To.Key, s.From, s.To.Value)
}
