package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/bondctl/bondctl/netnstest"
)

const ownAddress = "192.0.2.10/24"

// peers are those that are measured.
func peers() []peer {
	return []peer{
		bondctlPeer("bondctl", "--miimon", "100"),
		bondctlPeer("bondctl, miimon 10", "--miimon", "10"),
		bondctlPeer("bondctl, fast_failover false", "--miimon", "100", "--fast-failover", "false"),
		bondctlPeer("bondctl, fast_failover false, miimon 10", "--miimon", "10", "--fast-failover", "false"),
		ipPeer("the kernel, by ip", 100),
		ipPeer("the kernel, by ip, miimon 10", 10),
		ifupdownPeer(),
		teamdPeer(),
		networkdPeer(),
		networkManagerPeer(),
	}
}

func bondctlPeer(name string, flags ...string) peer {
	up := func(h *netnstest.Host, more ...string) {
		h.Run("bondctl", append(append([]string{"up", "--wait", "0", "--primary", "eth0", "--member", "eth0", "--member", "eth1"}, flags...), more...)...)
	}
	p := peer{
		name: name, device: "bond0", daemon: "bondctl daemon", status: []string{"bondctl", "status"},
		static: func(h *netnstest.Host) { up(h, "--address", ownAddress) },
		stop:   []string{"bondctl", "down"},
	}
	if name == "bondctl" {
		p.dhcp = func(h *netnstest.Host) { up(h, "--dhcp") }
	}
	return p
}

func ipPeer(name string, miimon int) peer {
	return peer{
		name: name, device: "bond0", status: []string{"ip", "-d", "link", "show", "bond0"},
		static: func(h *netnstest.Host) {
			const file = "/run/up.batch"
			write(h, file, strings.Replace(ipUp, "miimon 100", fmt.Sprintf("miimon %d", miimon), 1))
			h.Run("ip", "-batch", file)
		},
		rejoin: func(h *netnstest.Host) {
			h.Run("ip", "link", "set", "eth0", "master", "bond0")
			h.Run("ip", "link", "set", "bond0", "type", "bond", "primary", "eth0")
		},
	}
}

// ifupdownPeer is ifupdown with ifenslave, as Debian's wiki has it.
func ifupdownPeer() peer {
	return peer{
		name: "ifupdown with ifenslave", device: "bond0", status: []string{"cat", "/proc/thread-self/net/bonding/bond0"},
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
		rejoin: func(h *netnstest.Host) { // as a hot-plugged NIC's stanza does, by the hook of ifenslave
			h.Run("sh", "-c", "ip link set eth0 down; echo +eth0 >/sys/class/net/bond0/bonding/slaves; echo eth0 >/sys/class/net/bond0/bonding/primary")
		},
	}
}

// teamdPeer is libteam's daemon with its quickest link watch.
func teamdPeer() peer {
	const config = `{"device":"team0","runner":{"name":"activebackup"},"link_watch":{"name":"ethtool"},"ports":{"eth0":{"prio":100,"sticky":false},"eth1":{"prio":10}}}`
	return peer{
		name: "teamd", device: "team0", daemon: "teamd", status: []string{"/usr/bin/teamdctl", "team0", "state"},
		stop: []string{"/usr/bin/teamd", "-k", "-t", "team0"},
		host: func(t netnstest.TB) *netnstest.Host {
			h := netnstest.New(t)
			h.Unpack("libteam-utils", "libteam5", "libdaemon0")
			return h
		},
		static: func(h *netnstest.Host) {
			write(h, "/run/team0.conf", config)
			h.Run("modprobe", "-a", "team", "team_mode_activebackup")
			h.Run("/usr/bin/teamd", "-d", "-f", "/run/team0.conf")
			h.Run("ip", "link", "set", "team0", "up")
			h.Run("ip", "address", "add", ownAddress, "dev", "team0")
		},
		rejoin: func(h *netnstest.Host) {
			h.Run("/usr/bin/teamdctl", "team0", "port", "add", "eth0")
		},
	}
}

// write writes a file of the host's.
func write(h *netnstest.Host, file, text string) {
	h.Do(func() {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			panic(err)
		}
	})
}

// networkdPeer is systemd-networkd under systemd.
func networkdPeer() peer {
	files := func(h *netnstest.Host, network string) {
		write(h, "/etc/systemd/network/10-bond0.netdev", "[NetDev]\nName=bond0\nKind=bond\n[Bond]\nMode=active-backup\nMIIMonitorSec=100ms\nPrimaryReselectPolicy=always\n")
		write(h, "/etc/systemd/network/20-eth0.network", "[Match]\nName=eth0\n[Network]\nBond=bond0\nPrimarySlave=true\n")
		write(h, "/etc/systemd/network/20-eth1.network", "[Match]\nName=eth1\n[Network]\nBond=bond0\n")
		write(h, "/etc/systemd/network/30-bond0.network", "[Match]\nName=bond0\n[Network]\nIPv6AcceptRA=no\n"+network)
		h.Run("systemctl", "start", "systemd-networkd")
	}
	return peer{
		name: "systemd-networkd", device: "bond0", daemon: "/lib/systemd/systemd-networkd", status: []string{"networkctl", "--no-pager", "status", "bond0"},
		host: func(t netnstest.TB) *netnstest.Host {
			h := netnstest.New(t, netnstest.Private("/etc/systemd/network"))
			s := h.Systemd("systemd-udevd.service", "systemd-networkd.service")
			s.Run("systemctl", "stop", "systemd-networkd")
			return s.Host
		},
		static: func(h *netnstest.Host) { files(h, "Address="+ownAddress+"\n") },
		dhcp:   func(h *netnstest.Host) { files(h, "DHCP=ipv4\n") },
	}
}

// networkManagerPeer is NetworkManager under systemd.
func networkManagerPeer() peer {
	const keyfile = "[connection]\nid=%s\nuuid=%s\ntype=%s\ninterface-name=%[1]s\nautoconnect-slaves=1\n"
	connect := func(h *netnstest.Host, ipv4 string) {
		for i, name := range []string{"eth0", "eth1", "bond0"} {
			kind, more := "ethernet", "master=bond0\nslave-type=bond\n"
			if name == "bond0" {
				kind, more = "bond", "[bond]\nmode=active-backup\nmiimon=100\nprimary=eth0\n[ipv4]\n"+ipv4+"[ipv6]\nmethod=disabled\n"
			}
			file := "/etc/NetworkManager/system-connections/" + name + ".nmconnection"
			write(h, file, fmt.Sprintf(keyfile, name, fmt.Sprintf("11111111-1111-4111-8111-11111111111%d", i), kind)+more)
			h.Run("chmod", "600", file)
		}
		h.Run("systemctl", "start", "NetworkManager")
	}
	return peer{
		name: "NetworkManager", device: "bond0", daemon: "/usr/sbin/NetworkManager", status: []string{"/usr/bin/nmcli", "device", "show", "bond0"},
		host: func(t netnstest.TB) *netnstest.Host {
			h := netnstest.New(t)
			h.Unpack("network-manager")
			h.Run("mkdir", "-p", "/etc/NetworkManager/system-connections", "/etc/NetworkManager/conf.d")
			write(h, "/etc/NetworkManager/NetworkManager.conf", "[main]\nplugins=keyfile\nauth-polkit=root-only\nno-auto-default=*\n[device]\nmatch-device=interface-name:eth*\nmanaged=1\n")
			s := h.Systemd("systemd-udevd.service", "NetworkManager.service")
			s.Run("systemctl", "stop", "NetworkManager")
			return s.Host
		},
		static: func(h *netnstest.Host) { connect(h, "method=manual\naddress1="+ownAddress+"\n") },
		dhcp:   func(h *netnstest.Host) { connect(h, "method=auto\n") },
	}
}
