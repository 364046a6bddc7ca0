package doctor

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/bond"
)

func TestNameServices(t *testing.T) {
	f := laptop()
	rootOf(t, map[string]string{
		"run/systemd/resolve/netif/2":          "# This is private data. Do not parse.\nLLMNR=yes\nSERVERS=192.0.2.1 192.0.2.2\n",
		"run/systemd/resolve/netif/3":          "LLMNR=yes\n",
		"run/systemd/resolve/netif/9":          "SERVERS=192.0.2.9\n",
		"run/resolvconf/interface/eth0.dhcp":   "# Generated\ndomain example.org\nnameserver 192.0.2.3\n",
		"run/resolvconf/interface/wlan0":       "search example.org\n",
		"run/resolvconf/interface/eth01.dhcp":  "nameserver 192.0.2.4\n",
		"run/resolvconf/interface/bond0.bondc": "nameserver 192.0.2.5\n",
	}).nameServices(f)
	want := []NameService{{Program: "systemd-resolved", Interface: "eth0", Servers: "192.0.2.1 192.0.2.2"}, {Program: "resolvconf", Interface: "eth0", Entry: "eth0.dhcp", Servers: "192.0.2.3"}}
	if diff := cmp.Diff(want, f.DNS); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestServices has a line for each daemon that names eth0, and some that don't.
func TestServices(t *testing.T) {
	files := map[string]string{
		"etc/dnsmasq.conf": "# interface=eth0\ninterface=lo\n", "etc/dnsmasq.d/lan.conf": "interface=eth0\nexcept-interface=wlan0\n",
		"etc/hostapd/hostapd.conf":        "interface=wlan0\n",
		"etc/chrony/chrony.conf":          "bindacqdevice eth0\n",
		"etc/avahi/avahi-daemon.conf":     "[server]\nallow-interfaces=lo,eth0\n",
		"etc/samba/smb.conf":              "[global]\n   interfaces = lo eth0\n   bind interfaces only = yes\n",
		"etc/keepalived/keepalived.conf":  "vrrp_instance a {\n    interface eth0\n}\n",
		"etc/default/isc-dhcp-server":     "INTERFACESv4=\"eth0\"\nINTERFACESv6=\"\"\n",
		"etc/radvd.conf":                  "interface eth0 {\n};\n",
		"etc/keepalived/conf.d/more.conf": "! interface eth0\ninterface eth01\n",
	}
	for i, name := range []string{"dnsmasq", "hostapd", "chronyd", "avahi-daemon", "smbd", "keepalived", "dhcpd", "radvd"} {
		pid := string(rune('1' + i))
		files["proc/"+pid+"/comm"], files["proc/"+pid+"/cmdline"] = name+"\n", name+"\x00"
	}
	r, f := rootOf(t, files), laptop()
	r.services(f, r.processes())
	var got []string
	for _, s := range f.Services {
		got = append(got, s.Interface+" "+s.File+": "+s.Line)
	}
	want := []string{
		"eth0 /etc/dnsmasq.d/lan.conf: interface=eth0", "wlan0 /etc/hostapd/hostapd.conf: interface=wlan0", "eth0 /etc/chrony/chrony.conf: bindacqdevice eth0",
		"eth0 /etc/avahi/avahi-daemon.conf: allow-interfaces=lo,eth0", "eth0 /etc/samba/smb.conf: interfaces = lo eth0",
		"eth0 /etc/keepalived/keepalived.conf: interface eth0", `eth0 /etc/default/isc-dhcp-server: INTERFACESv4="eth0"`, "eth0 /etc/radvd.conf: interface eth0 {",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	f = laptop()
	if r.services(f, nil); f.Services != nil {
		t.Errorf("of services that don't run: %+v", f.Services)
	}
}

func TestOnline(t *testing.T) {
	const wants = "etc/systemd/system/network-online.target.wants/"
	files := map[string]string{
		"run/systemd/system/.": "", wants + "systemd-networkd-wait-online.service": "", wants + "NetworkManager-wait-online.service": "",
		"run/systemd/netif/links/2": "# private\nADMIN_STATE=configuring\n", "run/systemd/netif/links/4": "ADMIN_STATE=unmanaged\n",
		"run/NetworkManager/devices/3":                                     "[device]\nmanaged=true\n",
		"etc/systemd/system/multi-user.target.wants/bondctl@bond0.service": "[Unit]\n",
		"etc/systemd/system/multi-user.target.wants/postfix.service":       "[Unit]\nAfter=syslog.target network-online.target\n",
		"etc/systemd/system/multi-user.target.wants/cron.service":          "[Unit]\nAfter=remote-fs.target\n",
	}
	delete(files, "run/systemd/system/.")
	files["run/systemd/system/a.service"] = ""
	look := func() Online {
		f := laptop()
		f.Others = []bond.Link{{Name: "bond0", Index: 4}}
		rootOf(t, files).online(f)
		return f.Online
	}
	want := Online{
		Networkd: "systemd-networkd-wait-online.service", NetworkManager: true, Kept: true, Waits: []string{"postfix.service"},
		States: map[string]string{"eth0": "configuring", "bond0": "unmanaged"}, Managed: []string{"wlan0"},
	}
	if diff := cmp.Diff(want, look()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	files["etc/systemd/system/bondctl@bond0.service.d/override.conf"] = "[Unit]\nBefore=network-online.target\n"
	want.Awaited = true
	if diff := cmp.Diff(want, look()); diff != "" {
		t.Errorf("with a drop-in (-want +got):\n%s", diff)
	}
	// netplan's, which has it wait for what there is.
	files["run/systemd/system/systemd-networkd-wait-online.service.d/10-netplan.conf"] = "[Unit]\nConditionPathIsSymbolicLink=/x\n"
	want.Networkd = ""
	if diff := cmp.Diff(want, look()); diff != "" {
		t.Errorf("with netplan's drop-in (-want +got):\n%s", diff)
	}
	delete(files, "run/systemd/system/systemd-networkd-wait-online.service.d/10-netplan.conf")
	delete(files, "run/systemd/system/a.service")
	if diff := cmp.Diff(Online{}, look()); diff != "" {
		t.Errorf("without systemd (-want +got):\n%s", diff)
	}
}

func TestSysctls(t *testing.T) {
	f := laptop()
	rootOf(t, map[string]string{"proc/sys/net/ipv4/conf/all/rp_filter": "2\n", "proc/sys/net/ipv4/conf/bond0/rp_filter": "1\n", "proc/sys/net/ipv4/conf/bond0/arp_ignore": "x\n"}).sysctls(f)
	if got := f.effective("bond0", "rp_filter"); got != 2 || f.carrier("bond0", "rp_filter") != "all" {
		t.Errorf("rp_filter %d of %s", got, f.carrier("bond0", "rp_filter"))
	}
	if got := f.effective("bond0", "arp_ignore"); got != 0 {
		t.Errorf("arp_ignore %d", got)
	}
}

// FuzzFiles: no file makes a parser fail, and what it finds is in the file.
func FuzzFiles(f *testing.F) {
	for _, text := range []string{
		"[Match]\nOriginalName=*\n[Link]\nMACAddressPolicy=persistent\n", "[connection]\nwifi.cloned-mac-address=random\n", "mac_addr=1\n",
		"interface eth0 {\n", "Uid:\t0\t0\nCapEff:\tff\nCapBnd:\tff\n", "nameserver 192.0.2.1\n", `iifname "eth0" drop`, "=\n[\n]", "[Unit]\nAfter=network-online.target\n",
		"[Match]\nName=![\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, s := range parseSections(text) {
			if !strings.Contains(text, s.section) || !strings.Contains(text, s.key) || !strings.Contains(text, s.value) {
				t.Errorf("%+v isn't in %q", s, text)
			}
		}
		if setting, _, found := randomWPA(text); found && !strings.Contains(text, setting) {
			t.Errorf("%q isn't in %q", setting, text)
		}
		randomNM([]file{{"a", text}}, []file{{"b", text}})
		randomIWD(file{"a", text})
		macPolicyOf([]file{{"a", text}}, "bond0")
		parseCredentials(text)
		nameServers(text)
		wantsOnline(text)
		for _, d := range daemons {
			for _, s := range d.naming(file{"a", text}, []string{"eth0"}) {
				if !strings.Contains(text, s.Line) {
					t.Errorf("%q isn't in %q", s.Line, text)
				}
			}
		}
		Filter{Text: text}.Naming("eth0")
	})
}
