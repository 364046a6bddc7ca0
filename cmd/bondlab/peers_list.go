package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/bondctl/bondctl/netnstest"
)

// ownAddress is the bond's where it is given one.
const ownAddress = "192.0.2.10/24"

// peers are those that are measured. All have miimon 100 or what comes nearest to it, but where their name
// says otherwise.
func peers() []peer {
	return []peer{
		bondctlPeer(""),
		bondctlPeer("--miimon 10"),
		bondctlPeer("--fast-failover=false"),
		bondctlPeer("--fast-failover=false --miimon 10"),
		ipPeer("ip", "100"),
		ipPeer("ip, miimon 10", "10"),
		ifupdownPeer(),
		teamdPeer(),
		networkdPeer(),
		networkManagerPeer(),
	}
}

// bondctlPeer is bondctl with flags of up. Leases are measured of the one without.
func bondctlPeer(flags string) peer {
	up := func(h *netnstest.Host, more ...string) {
		args := []string{"up", "--wait", "0", "--primary", "eth0", "--member", "eth0", "--member", "eth1"}
		h.Run("bondctl", append(append(args, strings.Fields(flags)...), more...)...)
	}
	p := peer{
		name: strings.TrimSpace("bondctl " + flags), device: "bond0", daemon: "bondctl",
		status: []string{"bondctl", "status"},
		host: func(t netnstest.TB) *netnstest.Host {
			return netnstest.New(t, netnstest.Private("/etc/bondctl", "/var/lib/bondctl"))
		},
		static: func(h *netnstest.Host) { up(h, "--address", ownAddress) },
		stop:   func(h *netnstest.Host) { h.Run("bondctl", "down") },
	}
	if flags == "" {
		p.dhcp = func(h *netnstest.Host) { up(h, "--dhcp") }
	}
	return p
}

// ipPeer is the kernel alone.
func ipPeer(name, miimon string) peer {
	return peer{
		name: name, device: "bond0", status: []string{"ip", "-d", "link", "show", "bond0"},
		host: func(t netnstest.TB) *netnstest.Host { return netnstest.New(t) },
		static: func(h *netnstest.Host) {
			write(h, batchFile, strings.Replace(ipUp, "miimon 100", "miimon "+miimon, 1))
			h.Run("ip", "-batch", batchFile)
		},
		rejoin: enslave,
		stop:   func(h *netnstest.Host) { h.Run("ip", "link", "delete", "bond0") },
	}
}

// enslave puts a NIC into bond0, as somebody has to who has nothing that does it.
func enslave(h *netnstest.Host, nic string) {
	h.Run("ip", "link", "set", nic, "master", "bond0")
	h.Run("ip", "link", "set", "bond0", "type", "bond", "primary", "eth0")
}

// ifupdownPeer is ifupdown with ifenslave.
func ifupdownPeer() peer {
	return peer{
		name: "ifupdown with ifenslave", device: "bond0", status: []string{"cat", "/proc/net/bonding/bond0"},
		host: func(t netnstest.TB) *netnstest.Host {
			h := netnstest.New(t)
			h.Unpack("ifupdown", "ifenslave")
			h.Run("mkdir", "-p", "/run/network", "/etc/network")
			return h
		},
		static: func(h *netnstest.Host) {
			write(h, "/etc/network/interfaces", "auto bond0\niface bond0 inet static\n\taddress "+ownAddress+
				"\n\tbond-slaves eth0 eth1\n\tbond-mode active-backup\n\tbond-primary eth0\n\tbond-miimon 100\n")
			h.Run("/usr/sbin/ifup", "bond0")
		},
		rejoin: enslave,
		stop:   func(h *netnstest.Host) { h.Run("/usr/sbin/ifdown", "bond0") },
	}
}

// teamdPeer is libteam's daemon with its quickest link watch.
func teamdPeer() peer {
	const (
		config = `{"device":"team0","runner":{"name":"activebackup"},"link_watch":{"name":"ethtool"},` +
			`"ports":{"eth0":{"prio":100},"eth1":{"prio":10}}}`
		file = "/run/team0.conf"
	)
	return peer{
		name: "teamd", device: "team0", daemon: "teamd", status: []string{"/usr/bin/teamdctl", "team0", "state"},
		host: func(t netnstest.TB) *netnstest.Host {
			h := netnstest.New(t)
			h.Unpack("libteam-utils", "libteam5", "libdaemon0")
			h.Run("modprobe", "-a", "team", "team_mode_activebackup")
			return h
		},
		static: func(h *netnstest.Host) {
			write(h, file, config)
			h.Run("/usr/bin/teamd", "-d", "-f", file)
			h.Run("ip", "link", "set", "team0", "up")
			h.Run("ip", "address", "add", ownAddress, "dev", "team0")
		},
		active: func(h *netnstest.Host) string {
			return h.Run("/usr/bin/teamdctl", "team0", "state", "item", "get", "runner.active_port")
		},
		rejoin: func(h *netnstest.Host, nic string) { h.Run("/usr/bin/teamdctl", "team0", "port", "add", nic) },
		stop:   func(h *netnstest.Host) { h.Run("/usr/bin/teamd", "-k", "-t", "team0") },
	}
}

// networkdPeer is systemd-networkd.
func networkdPeer() peer {
	connect := func(h *netnstest.Host, network string) {
		for file, text := range map[string]string{
			"10-bond0.netdev":  "[NetDev]\nName=bond0\nKind=bond\n[Bond]\nMode=active-backup\nMIIMonitorSec=100ms\n",
			"20-eth0.network":  "[Match]\nName=eth0\n[Network]\nBond=bond0\nPrimarySlave=true\n",
			"20-eth1.network":  "[Match]\nName=eth1\n[Network]\nBond=bond0\n",
			"30-bond0.network": "[Match]\nName=bond0\n[Network]\nIPv6AcceptRA=no\nLinkLocalAddressing=no\n" + network,
		} {
			write(h, "/etc/systemd/network/"+file, text)
		}
		h.Run("systemctl", "start", "systemd-networkd")
	}
	return peer{
		name: "systemd-networkd", device: "bond0", daemon: "systemd-networkd",
		status: []string{"networkctl", "--no-pager", "status", "bond0"},
		host: func(t netnstest.TB) *netnstest.Host {
			h := netnstest.New(t, netnstest.Private("/etc/systemd/network"))
			s := h.Systemd("systemd-udevd.service", "systemd-networkd.service")
			s.Run("systemctl", "stop", "systemd-networkd")
			return s.Host
		},
		static: func(h *netnstest.Host) { connect(h, "Address="+ownAddress+"\n") },
		dhcp:   func(h *netnstest.Host) { connect(h, "DHCP=ipv4\n") },
		stop:   func(h *netnstest.Host) { h.Run("systemctl", "stop", "systemd-networkd") },
	}
}

// networkManagerPeer is NetworkManager.
func networkManagerPeer() peer {
	const keyfile = "[connection]\nid=%s\nuuid=11111111-1111-4111-8111-11111111111%d\ntype=%s\ninterface-name=%[1]s\n"
	connect := func(h *netnstest.Host, ipv4 string) {
		for i, name := range []string{"eth0", "eth1", "bond0"} {
			kind, more := "ethernet", "master=bond0\nslave-type=bond\n"
			if name == "bond0" {
				kind, more = "bond", "autoconnect-slaves=1\n[bond]\nmode=active-backup\nmiimon=100\nprimary=eth0\n"+
					"[ipv4]\n"+ipv4+"[ipv6]\nmethod=disabled\n"
			}
			file := "/etc/NetworkManager/system-connections/" + name + ".nmconnection"
			write(h, file, fmt.Sprintf(keyfile, name, i, kind)+more)
		}
		h.Run("systemctl", "start", "NetworkManager")
	}
	return peer{
		name: "NetworkManager", device: "bond0", daemon: "NetworkManager",
		status: []string{"/usr/bin/nmcli", "device", "show", "bond0"},
		host: func(t netnstest.TB) *netnstest.Host {
			h := netnstest.New(t)
			h.Unpack("network-manager")
			write(h, "/etc/NetworkManager/NetworkManager.conf", "[main]\nplugins=keyfile\nauth-polkit=root-only\nno-auto-default=*\n")
			s := h.Systemd("systemd-udevd.service", "NetworkManager.service")
			s.Run("systemctl", "stop", "NetworkManager")
			return s.Host
		},
		static: func(h *netnstest.Host) { connect(h, "method=manual\naddress1="+ownAddress+"\n") },
		dhcp:   func(h *netnstest.Host) { connect(h, "method=auto\n") },
		stop:   func(h *netnstest.Host) { h.Run("systemctl", "stop", "NetworkManager") },
	}
}

// write writes a file of the host's, which may hold a secret for all that its reader knows.
func write(h *netnstest.Host, file, text string) {
	var err error
	h.Do(func() {
		if err = os.MkdirAll(filepath.Dir(file), 0o755); err == nil {
			err = os.WriteFile(file, []byte(text), 0o600)
		}
		if err == nil && strings.HasPrefix(file, "/etc/systemd/") {
			err = os.Chmod(file, 0o644) // networkd isn't root
		}
	})
	if err != nil {
		panic(err)
	}
}
