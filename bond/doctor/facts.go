package doctor

import (
	"slices"
	"time"

	"github.com/bondctl/bondctl/bond"
)

// Facts are what was seen of a machine, and of a bond that is there or wanted. The zero value
// of a field is for what isn't there, isn't so, or isn't known.
type Facts struct {
	Name   string
	Config *bond.Config // what is wanted; nil where nothing says that
	Bond   *bond.Status // nil: there is no such bond
	// Options are the bond's or, where it doesn't exist, those that it would get.
	Options bond.Options
	// Obstacle is what an up would stop at before its first change.
	Obstacle *Obstacle

	Members []Member    // those that are wanted or in the bond, the absent ones included
	Others  []bond.Link // all other interfaces, the bond included

	Kernel      Kernel
	Credentials *Credentials
	Pristine    []string // bonds that nobody has configured or uses

	Holds       []Hold
	Clients     []Client
	Supplicants []Supplicant
	// NoSupplicant says that there is no program wpa_supplicant.
	NoSupplicant bool
	IWD          bool // it runs
	Randomizers  []Randomizer
	MACPolicy    *MACPolicy

	Sysctls  map[string]map[string]int // of IPv4, by interface (and all) and by key
	Filters  []Filter
	DNS      []NameService
	Services []Service
	Online   Online

	// Networks are those that the keeper has met behind members.
	Networks []Network

	// Unknown says by the name of a check why it couldn't see something.
	Unknown map[string]string
}

// A Member is an interface that is wanted in the bond, or is in it.
type Member struct {
	bond.Surveyed
	Enslaved bool   // it is a slave of this bond
	Type     int    // ARPHRD_ constant
	RFKill   string // soft or hard; "" where its radio isn't blocked
	Received *int   // frames (statistics/rx_packets)
	// Deaf says that it received nothing while the bond called everybody on its network, and
	// the active slave received something.
	Deaf      bool
	PowerSave *bool // of Wi-Fi

	// Forwards is after how long the member's port passed on the first frame when its link
	// last came up, as its keeper saw it, where it runs a spanning tree; 0 isn't known.
	Forwards time.Duration
}

// An Obstacle is what an up would stop at.
type Obstacle struct{ What, Mend string }

// A Hold is a member that a network manager looks after.
type Hold struct {
	Manager, Interface string
	What               string   // what it does there
	Lines              []string // what hands the member over
}

// present are the members that are there.
func (f *Facts) present() []Member {
	return slices.DeleteFunc(slices.Clone(f.Members), func(m Member) bool { return m.Name == "" })
}

// slaves are the members that are in the bond.
func (f *Facts) slaves() []Member {
	return slices.DeleteFunc(slices.Clone(f.Members), func(m Member) bool { return !m.Enslaved })
}

// member finds a member that is there.
func (f *Facts) member(name string) (Member, bool) {
	i := slices.IndexFunc(f.Members, func(m Member) bool { return m.Name == name && name != "" })
	if i < 0 {
		return Member{}, false
	}
	return f.Members[i], true
}

// unknown notes that a check couldn't see something.
func (f *Facts) unknown(why error, checks ...string) {
	if why == nil {
		return
	}
	if f.Unknown == nil {
		f.Unknown = map[string]string{}
	}
	for _, check := range checks {
		if f.Unknown[check] == "" {
			f.Unknown[check] = why.Error()
		}
	}
}

// value is what p points to; the zero value for nil.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
