package owner

import (
	"cmp"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bondctl/bondctl/bond/dhcp"
	"github.com/bondctl/bondctl/bond/lease"
)

// Find finds the clients that hold one of the interfaces, be they named to them or served
// with all others. Their Links are in the order of the interfaces.
func Find(interfaces []string) (found []Client, err error) {
	// What is read of one that ends meanwhile, as it goes to the background, is nothing.
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

// dhcpcdOwner is whose process a dhcpcd is: it gives up root's rights, but for a helper that
// keeps them, and nobody else can start one of those.
func dhcpcdOwner(r running, all []running) int {
	i := slices.IndexFunc(all, func(h running) bool {
		return h.program == Dhcpcd && h.parent == r.PID && h.uid == 0 && strings.HasPrefix(h.args[0], dhcpcdTitle+"[privileged ")
	})
	if i >= 0 {
		return 0
	}
	return r.uid
}

// dhcpcdPIDFile is where a dhcpcd writes its number.
func dhcpcdPIDFile(said call) string {
	if len(said.interfaces) != 1 {
		return "/run/dhcpcd/pid"
	}
	name := said.interfaces[0]
	for _, family := range []string{"-4", "-6"} {
		if _, ok := said.options[family]; ok {
			name += family
		}
	}
	return "/run/dhcpcd/" + name + ".pid"
}

// file is the file that an option names, or the client's environment, or else the one it has
// by default.
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

// ofDhclient is what dhclient says on an interface, and what it was lent.
func (c Client) ofDhclient(said call, name string, mac net.HardwareAddr) (who lease.Identity, had *lease.Lease) {
	known, _ := parseDhclientLeases(firstText(c.leaseFiles(said)...))
	conf, _ := parseDhclientConf(firstText(c.file(said, "PATH_DHCLIENT_CONF", "/etc/dhcp/dhclient.conf", "-cf"), c.file(said, "", "/etc/dhclient.conf", "-cf")), name)
	who.Hostname, _ = said.option("-H")
	switch id, named := said.option("-C"); {
	case known.ids[name] != nil:
		who.ClientID = known.ids[name]
	case named:
		who.ClientID = []byte(id)
	case conf.byMAC:
		who.ClientID = byHardware(mac)
	case conf.clientID != nil:
		who.ClientID = conf.clientID
	default:
		if _, duid := said.option("-i"); duid {
			if known.duid == nil {
				second, _ := parseDhclientLeases(firstText(c.file(said, "", "", "-df")))
				known.duid = second.duid
			}
			who.ClientID = rfc4361(mac, known.duid)
		}
	}
	switch {
	case who.Hostname != "":
	case conf.ownName:
		who.Hostname = machineName()
	default:
		who.Hostname = conf.hostname
	}
	if l, ok := known.leases[name]; ok {
		had = &l
	}
	return who, had
}

func (c Client) leaseFiles(said call) []string {
	return []string{
		c.file(said, "PATH_DHCLIENT_DB", "/var/lib/dhcp/dhclient.leases", "-lf"),
		c.file(said, "", "/var/lib/dhclient/dhclient.leases", "-lf"),
	}
}

// dhcpcdFolder has dhcpcd's leases and its DUID.
const dhcpcdFolder = "/var/lib/dhcpcd"

// ofDhcpcd is what dhcpcd says on an interface, and what it was lent.
func (c Client) ofDhcpcd(said call, name string, mac net.HardwareAddr) (who lease.Identity, had *lease.Lease) {
	conf := parseDhcpcdConf(firstText(c.file(said, "", "/etc/dhcpcd.conf", "-f")), name)
	switch duid := parseDUID(firstText(dhcpcdFolder+"/duid", "/etc/dhcpcd.duid")); {
	case conf.duid:
		who.ClientID = rfc4361(conf.iaidOr(mac), duid)
	case conf.clientID && conf.id == "":
		who.ClientID = byHardware(mac)
	case conf.clientID:
		who.ClientID = conf.named()
	}
	if who.Hostname = conf.hostname; conf.ownName {
		who.Hostname = machineName()
	}
	return who, dhcpcdLease(dhcpcdFolder, name)
}

// dhcpcdLease reads the newest lease of an interface: the server's answer as it was. Over
// Wi-Fi the file has the SSID in its name.
func dhcpcdLease(folder, name string) (had *lease.Lease) {
	radio, _ := filepath.Glob(filepath.Join(folder, name+"-*.lease"))
	var newest time.Time
	for _, path := range append(radio, filepath.Join(folder, name+".lease"), filepath.Join(folder, "dhcpcd-"+name+".lease")) {
		info, err := os.Stat(path)
		if err != nil || info.ModTime().Before(newest) {
			continue
		}
		ack, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		if l, err := dhcp.ReadLease(ack, info.ModTime()); err == nil {
			had, newest = &l, info.ModTime()
		}
	}
	return had
}

// ofUdhcpc is what udhcpc says.
func ofUdhcpc(said call, mac net.HardwareAddr) (who lease.Identity) {
	if _, none := said.option("C"); !none {
		who.ClientID = byHardware(mac)
	}
	if id, named := said.option("c"); named {
		who.ClientID = []byte(id)
	}
	name, _ := said.option("F")
	other, _ := said.option("H", "h")
	who.Hostname = cmp.Or(name, other)
	for _, extra := range said.extra {
		switch key, value, _ := strings.Cut(extra, ":"); key {
		case "hostname", "12", "0x0c", "0xc":
			who.Hostname = strings.Trim(cmp.Or(who.Hostname, value), `"`)
		case "61", "0x3d", "0x3D", "clientid":
			if id := hexID(value); id != nil {
				who.ClientID = id
			}
		}
	}
	return who
}
