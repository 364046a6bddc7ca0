package bond

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/vishvananda/netlink/nl"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// An upper is a link that is stacked upon another one, with all that it takes to make it
// anew upon a third. The kernel has no other way to move it.
type upper struct {
	Lower string       `json:"lower"` // the name of what it is stacked upon
	Name  string       `json:"name"`
	Index int          `json:"ifindex"`
	Kind  string       `json:"kind"`
	Data  []byte       `json:"data"` // IFLA_INFO_DATA
	MAC   HardwareAddr `json:"mac"`
	MTU   int          `json:"mtu"`
	Up    bool         `json:"up"`
}

// movable says whether the bond can take over a link that is stacked upon a member: a
// VLAN or a macvlan on which nothing stands, and which is no port.
func (l Link) movable() bool {
	return (l.Kind == "vlan" || l.Kind == "macvlan") && len(l.Upper) == 0 && l.Master == "" && !l.hasSources()
}

// upper is a link as one that stands upon another.
func (l Link) upper(lower string) upper {
	return upper{Lower: lower, Name: l.Name, Index: l.Index, Kind: l.Kind, Data: []byte(l.data), MAC: l.MAC, MTU: l.MTU, Up: l.Up}
}

// uppers are the links upon another one that can be moved, and the names of those that
// can't.
func (s *State) uppers(l Link) (movable []Link, others []string) {
	for _, name := range l.Upper {
		if u, present := s.link(name); present && u.movable() {
			movable = append(movable, u)
		} else {
			others = append(others, name)
		}
	}
	return movable, others
}

// takeUpper adds a link to the image that is stacked upon another one, and all that it
// carries.
func (i *Image) takeUpper(s *State, link Link, lower string) {
	i.Uppers = slices.DeleteFunc(i.Uppers, func(u upper) bool { return u.Name == link.Name })
	i.Uppers = append(i.Uppers, link.upper(lower))
	i.takeCarried(s.carries(link))
}

// imageOfUppers is the image of links, as if they stood upon lower.
func (s *State) imageOfUppers(links []Link, lower string) Image {
	var i Image
	for _, l := range links {
		i.takeUpper(s, l, lower)
	}
	return i
}

// moveUppers plans to make what stands upon a link anew upon another.
func (p *planner) moveUppers(from Link, to string) {
	movable, _ := p.state.uppers(from)
	if movable == nil {
		return
	}
	p.Takes = true
	then := p.state.withBond()
	then.traffic = p.state.traffic.clone()
	for _, u := range movable {
		p.add(deleteLink{u.Name, u.Index})
		then.linkGone(u.Index)
		then.Links = slices.DeleteFunc(slices.Clone(then.Links), func(l Link) bool { return l.Index == u.Index })
	}
	p.Steps = append(p.Steps, NewRestore(p.state.imageOfUppers(movable, to), then).Steps...)
}

// withBond is the state once there is a bond.
func (s State) withBond() State {
	if _, present := s.link(s.Name); !present {
		s.Links = append(slices.Clone(s.Links), Link{Name: s.Name})
	}
	return s
}

// uppers makes the links anew that stood upon others. Those upon a bond that goes have
// gone with it.
func (r *restorer) uppers() {
	for _, was := range r.before.Uppers {
		now, present := r.now.link(was.Name)
		lower, lowerThere := r.now.link(was.Lower)
		lowerThere = lowerThere || was.Lower == r.Bond && slices.ContainsFunc(r.Steps, isCreate)
		switch {
		case present && now.Index != was.Index, !lowerThere, present && now.Lower == lower.Index && !r.gone(now):
			continue // somebody else's by now, or there is nothing to stand upon
		case present && !r.gone(now):
			r.add(deleteLink{was.Name, was.Index})
		}
		r.then.linkGone(was.Index)
		r.add(newUpper{was})
		r.made = append(r.made, was)
	}
}

// gone says whether a link goes with the bond upon which it stands.
func (r *restorer) gone(l Link) bool {
	bond, _ := r.now.link(r.Bond)
	deleted := slices.ContainsFunc(r.Steps, func(s Step) bool { _, ok := s.(deleteBond); return ok })
	return deleted && l.Lower == bond.Index
}

// deleteLink deletes a link that is stacked upon another.
type deleteLink struct {
	Name  string
	Index int
}

func (s deleteLink) link() string   { return s.Name }
func (s deleteLink) String() string { return "delete " + s.Name }

// newUpper makes a link that is stacked upon another, with the ifindex that it had.
type newUpper struct{ upper }

func (s newUpper) link() string   { return s.Name }
func (s newUpper) String() string { return "make " + s.Kind + " " + s.Name + " upon " + s.Lower }

// newUpper makes the link.
func (k *kernel) newUpper(u upper) error {
	return k.onLink(u.Lower, func(lower rtnl.Link) error {
		data := nl.NewRtAttr(nl.IFLA_INFO_DATA, settableData(u.Kind, u.Data))
		info := append(nl.NewRtAttr(nl.IFLA_INFO_KIND, []byte(u.Kind)).Serialize(), data.Serialize()...)
		// In one message: whoever is killed behind it leaves nothing half made.
		return k.NewLink(rtnl.LinkChange{
			Name: u.Name, Index: u.Index, Parent: lower.Index, Up: &u.Up, MAC: []byte(u.MAC), MTU: min(u.MTU, lower.MTU), Info: info,
		})
	})
}

// settableData is IFLA_INFO_DATA as the kernel takes it, which isn't as it tells it. Of a
// macvlan it takes no attribute that is only told. Of a VLAN's flags (struct
// ifla_vlan_flags) it tells a mask of all ones, and takes one of the flags that there are
// (include/uapi/linux/if_vlan.h, VLAN_FLAG_*).
func settableData(kind string, data []byte) (settable []byte) {
	const allVLANFlags = 0x1f
	_ = rtnl.EachAttr(data, func(attr uint16, value []byte) {
		switch {
		case kind == "macvlan" && (attr == macvlanMACAddrCount || attr == macvlanBCQueueLenUsed):
			return
		case kind == "vlan" && attr == nl.IFLA_VLAN_FLAGS && len(value) == 8:
			value = binary.NativeEndian.AppendUint32(bytes.Clone(value[:4]), allVLANFlags)
		}
		settable = append(settable, nl.NewRtAttr(int(attr), value).Serialize()...)
	})
	return settable
}

// Attributes of a macvlan (IFLA_MACVLAN_* of include/uapi/linux/if_link.h).
const (
	macvlanMACAddrData    = 5
	macvlanMACAddrCount   = 6
	macvlanBCQueueLenUsed = 8
)

// hasSources says whether a macvlan has a list of MAC addresses that it takes packets from
// (mode source). The kernel doesn't take that list in the form in which it tells it.
func (l Link) hasSources() (has bool) {
	_ = rtnl.EachAttr([]byte(l.data), func(attr uint16, _ []byte) { has = has || l.Kind == "macvlan" && attr == macvlanMACAddrData })
	return has
}
