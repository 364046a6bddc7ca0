package owner

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bondctl/bondctl/bond/lease"
)

// Find finds the clients that hold one of the interfaces, be they named to them or served
// with all others. Their Links are in the order of the interfaces.
func Find(interfaces []string) (found []Client, err error) {
	// One that goes to the background goes on as another process: where one has ended while
	// it was read, it is looked again.
	const most = 10
	for range most {
		found, err = findNow(interfaces)
		if err != nil || !slices.ContainsFunc(found, func(c Client) bool { return !c.Alive() }) {
			break
		}
	}
	return slices.DeleteFunc(found, func(c Client) bool { return !c.Alive() }), err
}

// findNow is Find by one look.
func findNow(interfaces []string) ([]Client, error) {
	all, err := programs()
	if err != nil {
		return nil, err
	}
	var found []Client
	for _, r := range all {
		c, said, ok := r.client(all)
		if !ok || r.forked(all) {
			continue
		}
		for _, name := range interfaces {
			if _, err := net.InterfaceByName(name); err == nil && (len(said.interfaces) == 0 || slices.Contains(said.interfaces, name)) {
				c.Links = append(c.Links, c.link(said, name))
			}
		}
		if len(c.Links) > 0 {
			c.Others = c.others(said, interfaces)
			found = append(found, c)
		}
	}
	return found, nil
}

// forked says whether a process is a copy of another one, which is about to run a script, or
// to go on in the background.
func (r running) forked(all []running) bool {
	return slices.ContainsFunc(all, func(o running) bool { return o.PID == r.parent && slices.Equal(o.args, r.args) })
}

// client is a process as a client, with what its arguments say. It isn't one if it is
// somebody else's, a helper, or only there to end another one.
func (r running) client(all []running) (Client, call, bool) {
	c := Client{
		Process: r.Process, Program: r.program, Args: r.args, Path: linkOf(r.PID, "exe"), Dir: linkOf(r.PID, "cwd"),
		Env: environment(r.PID), Cgroup: cgroupOf(procText(r.PID, "cgroup")),
	}
	if c.Path == "" {
		c.Path = r.args[0]
	}
	var said call
	switch r.program {
	case Dhclient:
		said = parseDhclient(r.args)
		c.PIDFile = c.file(said, "PATH_DHCLIENT_PID", "/run/dhclient.pid", "-pf")
	case Udhcpc:
		said = parseUdhcpc(r.args)
		c.PIDFile = c.file(said, "", "", "p")
	case Dhcpcd:
		var ok bool
		if said, ok = parseDhcpcd(r.args); !ok {
			return c, said, false
		}
		if strings.HasPrefix(r.args[0], dhcpcdTitle) {
			c.Args, c.Env, c.Dir = said.again(c.Path), []string{"PATH=" + strings.Join(programPath, ":")}, "/"
		}
		c.PIDFile = dhcpcdPIDFile(said)
		r.uid = dhcpcdOwner(r, all)
	}
	c.IPv6 = said.ipv6
	return c, said, !said.ends && r.trusted()
}

// programPath is where programs are looked for by one that has lost its environment.
var programPath = []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}

// file is the file that one of the options names, or else the client's environment by a
// variable, or else the usual one. A path is below the client's folder.
func (c Client) file(said call, variable, usual string, options ...string) string {
	name, ok := said.option(options...)
	if !ok {
		name = usual
		for _, v := range c.Env {
			if value, ok := strings.CutPrefix(v, variable+"="); ok && variable != "" {
				name = value
			}
		}
	}
	if name != "" && !filepath.IsAbs(name) {
		name = filepath.Join(c.Dir, name)
	}
	return name
}

// firstText is the first of the files that can be read.
func firstText(paths ...string) string {
	for _, path := range paths {
		if text, err := os.ReadFile(path); path != "" && err == nil {
			return string(text)
		}
	}
	return ""
}

// link is what a client knows of an interface.
func (c Client) link(said call, name string) Link {
	l := Link{Interface: name}
	if c.IPv6 {
		return l
	}
	var mac net.HardwareAddr
	if link, err := net.InterfaceByName(name); err == nil {
		mac = link.HardwareAddr
	}
	var had *lease.Lease
	switch c.Program {
	case Dhclient:
		l.Identity, had = c.ofDhclient(said, name, mac)
	case Dhcpcd:
		l.Identity, had = c.ofDhcpcd(said, name, mac)
	case Udhcpc:
		l.Identity, had = ofUdhcpc(said, mac), guessed(name, false)
	}
	if l.Identity.ClientID == nil {
		l.Identity.HardwareAddr = mac
	}
	if had != nil && carries(name, had) && time.Now().Before(had.Expiry) {
		l.Lease = had
	} else if c.Program != Udhcpc {
		// Two dhclients with one lease file lose each other's leases.
		l.Lease = guessed(name, true)
	}
	return l
}

func machineName() string {
	name, _ := os.Hostname()
	return name
}
