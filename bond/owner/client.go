package owner

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bondctl/bondctl/bond/internal/statefile"
	"github.com/bondctl/bondctl/bond/lease"
)

// The programs that are known.
const (
	Dhclient = "dhclient"
	Dhcpcd   = "dhcpcd"
	Udhcpc   = "udhcpc"
)

// A Client is a process that has addresses lent, and all that it takes to start it again.
type Client struct {
	statefile.Process

	Program string `json:"program"`
	// IPv6 says that it asks for IPv6 alone (dhclient -6): its lease can't go on.
	IPv6 bool `json:"ipv6,omitempty"`
	// Links are the interfaces that [Find] was asked for. Others are the names of those that
	// it serves beside them.
	Links  []Link   `json:"links"`
	Others []string `json:"others,omitempty"`

	Path    string   `json:"path"` // the program's file
	Args    []string `json:"args"` // the first is the name that it was called by
	Env     []string `json:"env"`
	Dir     string   `json:"dir"`
	PIDFile string   `json:"pid_file,omitempty"`
	// Cgroup is its control group, as /proc/PID/cgroup has it.
	Cgroup string `json:"cgroup,omitempty"`
}

// A Link is an interface that a client holds.
type Link struct {
	Interface string `json:"interface"`
	// Identity is what servers know the client by on this interface.
	Identity lease.Identity `json:"identity"`
	// Lease is what it was lent and the interface carries; nil where that isn't known.
	Lease *lease.Lease `json:"lease,omitempty"`
}

// String names the client: "dhclient (process 12)".
func (c Client) String() string {
	text := fmt.Sprintf("%s (process %d)", c.Program, c.PID)
	if unit := c.Unit(); unit != "" {
		text += " of " + unit
	}
	return text
}

// Interfaces are those of its Links.
func (c Client) Interfaces() (names []string) {
	for _, l := range c.Links {
		names = append(names, l.Interface)
	}
	return names
}

// Unit is the systemd unit that the process is of; "" for none.
func (c Client) Unit() string { return unitOf(c.Cgroup) }

// unitOf is the unit whose control group that is: /system.slice/networking.service.
func unitOf(cgroup string) string {
	name := path.Base(cgroup)
	if strings.HasSuffix(name, ".service") || strings.HasSuffix(name, ".scope") {
		return name
	}
	return ""
}

// Obstacle says why the client can't be stopped, or not without harm; "" where it can.
//
// A unit's process is the unit's business, unless that unit only started it: a login's, or
// ifupdown's, which ends when its clients run.
func (c Client) Obstacle() string {
	name, _, _ := strings.Cut(strings.TrimSuffix(c.Unit(), ".service"), "@")
	switch {
	case c.Unit() != "" && !strings.HasSuffix(c.Unit(), ".scope") && !slices.Contains([]string{"networking", "ifup"}, name):
		return fmt.Sprintf("%s holds %s, and bondctl doesn't know how to have that service let go of it", c, strings.Join(c.Interfaces(), ", "))
	case len(c.Others) > 0:
		return fmt.Sprintf("%s holds %s, and %s as well, which would lose its lease", c, strings.Join(c.Interfaces(), ", "), strings.Join(c.Others, ", "))
	}
	return ""
}

// serves says whether two clients do the same on an interface.
func (c Client) serves(o Client) bool {
	return c.Program == o.Program && c.IPv6 == o.IPv6 && slices.ContainsFunc(c.Links, func(l Link) bool {
		return slices.Contains(o.Interfaces(), l.Interface)
	})
}
