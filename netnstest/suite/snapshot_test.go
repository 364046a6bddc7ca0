package suite

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// snapshot is all that an up which failed must leave as it was.
type snapshot struct {
	// Kernel has a line for each attribute of each link, address, route and rule, as the kernel tells it
	// and whether or not anybody understands it.
	Kernel []string
	// Files are bondctl's own, except the apply lock, which is never removed.
	Files map[string]string
}

// An object is a kind of thing that the kernel keeps.
type object struct {
	name   string
	get    int // asks for all of them
	header int // the size of what is before the attributes
	// nested are the attributes that consist of others, by the types that lead there.
	nested [][]uint16
	// volatile are attributes that the kernel changes for good, or by itself, whoever undoes what.
	volatile [][]uint16
}

var objects = []object{
	{
		name: "link", get: unix.RTM_GETLINK, header: unix.SizeofIfInfomsg,
		nested: [][]uint16{
			{unix.IFLA_LINKINFO}, {unix.IFLA_LINKINFO, unix.IFLA_INFO_DATA}, {unix.IFLA_LINKINFO, unix.IFLA_INFO_SLAVE_DATA},
			{unix.IFLA_AF_SPEC}, {unix.IFLA_AF_SPEC, unix.AF_INET6},
		},
		volatile: [][]uint16{
			{unix.IFLA_STATS}, {unix.IFLA_STATS64},
			{unix.IFLA_CARRIER_CHANGES}, {unix.IFLA_CARRIER_UP_COUNT}, {unix.IFLA_CARRIER_DOWN_COUNT},
			{unix.IFLA_OPERSTATE},    // it follows the carrier a while later
			{unix.IFLA_QDISC},        // a device keeps the queueing discipline that it got when it was first up
			{unix.IFLA_TSO_MAX_SIZE}, // a bond keeps what its last slaves could do
			// A slave that was let go and taken in again is a new one to the driver.
			{unix.IFLA_LINKINFO, unix.IFLA_INFO_SLAVE_DATA, nl.IFLA_BOND_SLAVE_LINK_FAILURE_COUNT},
			{unix.IFLA_AF_SPEC, unix.AF_INET6, unix.IFLA_INET6_FLAGS}, // how far it has got with its addresses
			{unix.IFLA_AF_SPEC, unix.AF_INET6, unix.IFLA_INET6_STATS},
			{unix.IFLA_AF_SPEC, unix.AF_INET6, unix.IFLA_INET6_ICMP6STATS},
			{unix.IFLA_AF_SPEC, unix.AF_INET6, unix.IFLA_INET6_CACHEINFO}, // times
		},
	},
	{name: "address", get: unix.RTM_GETADDR, header: unix.SizeofIfAddrmsg, volatile: [][]uint16{{unix.IFA_CACHEINFO}}},
	{name: "route", get: unix.RTM_GETROUTE, header: unix.SizeofRtMsg, volatile: [][]uint16{{unix.RTA_CACHEINFO}}},
	{name: "rule", get: unix.RTM_GETRULE, header: unix.SizeofRtMsg},
}

// takeSnapshot takes a snapshot of a host, once nobody on the network has its link-local addresses: until
// then the kernel goes on to change their flags and routes by itself.
func takeSnapshot(t *testing.T, h *netnstest.Host) (s snapshot) {
	t.Helper()
	netnstest.Eventually(t, func() error {
		s = readSnapshot(t, h)
		if i := slices.IndexFunc(s.Kernel, isTentative); i >= 0 {
			return fmt.Errorf("still tentative: %s", s.Kernel[i])
		}
		return nil
	})
	return s
}

// isTentative says whether a line of a snapshot is a link-local address whose detection of duplicates goes
// on. What follows the word is its struct ifaddrmsg.
func isTentative(line string) bool {
	var family, bits, flags, scope byte
	n, _ := fmt.Sscanf(line, "address %02x%02x%02x%02x", &family, &bits, &flags, &scope)
	return n == 4 && family == unix.AF_INET6 && scope == unix.RT_SCOPE_LINK && flags&unix.IFA_F_TENTATIVE != 0
}

// readSnapshot takes a snapshot of a host as it is at this moment.
func readSnapshot(t *testing.T, h *netnstest.Host) snapshot {
	t.Helper()
	var s snapshot
	var err error
	h.Do(func() {
		for _, o := range objects {
			if err == nil {
				err = o.describe(&s.Kernel)
			}
		}
	})
	if err != nil {
		t.Fatalf("take a snapshot: %v", err)
	}
	slices.Sort(s.Kernel) // the order of a dump has no meaning
	if s.Files, err = ownFiles(h); err != nil {
		t.Fatalf("take a snapshot: %v", err)
	}
	return s
}

// linkOptions are the options of a host's links, such as those of a bond.
func linkOptions(t *testing.T, h *netnstest.Host) (options []string) {
	t.Helper()
	var err error
	h.Do(func() { err = objects[0].describe(&options) })
	if err != nil {
		t.Fatal(err)
	}
	option := fmt.Sprintf(" %d %d ", unix.IFLA_LINKINFO, unix.IFLA_INFO_DATA)
	return slices.DeleteFunc(options, func(line string) bool { return !strings.Contains(line, option) })
}

// describe appends lines about all that there are in the calling thread's namespace: one for each
// attribute of a link, one for each of the others.
func (o object) describe(lines *[]string) error {
	messages, err := whole(func() ([][]byte, error) {
		request := nl.NewNetlinkRequest(o.get, unix.NLM_F_DUMP)
		request.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
		return request.Execute(unix.NETLINK_ROUTE, 0)
	})
	if err != nil {
		return err
	}
	for _, m := range messages {
		attributes, err := o.attributes(nil, m[o.header:])
		if err != nil {
			return err
		}
		attributes = append([]string{fmt.Sprintf("%x", m[:o.header])}, attributes...)
		if o.get != unix.RTM_GETLINK {
			*lines = append(*lines, o.name+" "+strings.Join(attributes, " "))
			continue
		}
		name, err := linkName(m[o.header:])
		if err != nil {
			return err
		}
		for _, a := range attributes {
			*lines = append(*lines, "link "+name+" "+a)
		}
	}
	return nil
}

// attributes writes attributes as type=value, with the types of those that they are in before it; see
// linux/if_link.h and its like.
func (o object) attributes(path []uint16, data []byte) (list []string, err error) {
	attributes, err := nl.ParseRouteAttr(data)
	if err != nil {
		return nil, err
	}
	for _, a := range attributes {
		here := append(slices.Clone(path), a.Attr.Type&^(unix.NLA_F_NESTED|unix.NLA_F_NET_BYTEORDER))
		isHere := func(other []uint16) bool { return slices.Equal(here, other) }
		switch {
		case slices.ContainsFunc(o.volatile, isHere):
		case slices.ContainsFunc(o.nested, isHere):
			inner, err := o.attributes(here, a.Value)
			if err != nil {
				return nil, err
			}
			list = append(list, inner...)
		default:
			list = append(list, fmt.Sprintf("%s=%x", strings.Trim(fmt.Sprint(here), "[]"), a.Value))
		}
	}
	return list, nil
}

func linkName(data []byte) (string, error) {
	attributes, err := nl.ParseRouteAttr(data)
	for _, a := range attributes {
		if a.Attr.Type == unix.IFLA_IFNAME {
			return nl.BytesToString(a.Value), err
		}
	}
	return "", err
}

// locks are the files that bondctl never removes.
var locks = []string{"lock", "keeper.lock", "trial.lock"}

// ownFiles reads bondctl's files of a host.
func ownFiles(h *netnstest.Host) (map[string]string, error) {
	files := make(map[string]string)
	err := filepath.WalkDir(in(h, "/run/bondctl"), func(path string, d fs.DirEntry, err error) error {
		if os.IsNotExist(err) || err == nil && (d.IsDir() || slices.Contains(locks, d.Name())) {
			return nil
		}
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		files[path] = string(bytes.TrimSpace(data))
		return err
	})
	return files, err
}

// asBefore is a condition for Eventually: the host is as in the snapshot. It may take a moment: the
// kernel tells of carrier, and generates link-local addresses, in its own time.
func asBefore(t *testing.T, h *netnstest.Host, before snapshot) func() error {
	return func() error {
		if diff := cmp.Diff(before, readSnapshot(t, h)); diff != "" {
			return fmt.Errorf("not as before (-before +after):\n%s", diff)
		}
		return nil
	}
}
