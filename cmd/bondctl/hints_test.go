package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// safe are the commands that messages and hints tell somebody to run, and why nobody is cut off by them. What a help
// text shows as an example isn't among them.
var safe = map[string]string{
	"%s isn't used, for somebody else on the network has it (DAD failed); when that is mended: ip address del %s dev %s": "nothing goes over an address that isn't used",
	"IPv6 is disabled on %s; sysctl -w net.ipv6.conf.%[1]s.disable_ipv6=0 enables it":                                    "it only adds",
	"it stands on %s, which is down; ip link set %s up":                                                                  "it only adds",
	"this kernel has no bonding driver, or may not load it: modprobe bonding max_bonds=0":                                "it only adds, and without max_bonds=0 it would make a bond0",
	"root alone may read it: run it with sudo":                                                                           "it only reads, or writes a file that nothing reads yet",
	"changes want CAP_NET_ADMIN: run it with sudo":                                                                       "it is what was meant",
	"leave the member out, or give that up with --take-over; bondctl up --dry-run --take-over says what is interrupted":  "a dry run changes nothing, and says what would end",
	"bondctl up %s --primary eth0 --member eth0 --member wlan0":                                                          "what the members carry is taken over",
	"to put back what is left: bondctl down NAME":                                                                        "it gives back what was there before",
	"bondctl up makes it; bondctl status --all shows what there is":                                                      "there is no bond that anything could go over",
	" shows what goes over it; down --force is for when nothing does":                                                    "the first command only shows",
	"no member is named; write bondctl switch [NAME] MEMBER":                                                             "it is what was meant",
	"bondctl install-service --force replaces it; systemctl edit bondctl@ keeps changes apart from it":                   "a unit file is no network",
	"to keep it: bondctl confirm ":                                                                                       "it changes nothing, and whoever can say it isn't cut off",
	"bondctl: %s is put back at %s; to keep it: bondctl confirm %[1]s\n":                                                 "it changes nothing, and whoever can say it isn't cut off",
	"until %s; bondctl confirm %s keeps it, or else it is put back":                                                      "it changes nothing, and whoever can say it isn't cut off",
	"%s isn't started again, as there is no %s; bondctl down does it once that is back":                                  "the members have got back what they had",
	"%s isn't there; what it had (%s) is kept till the next boot, and bondctl down %s gives it back once it is there":    "the bond is gone by then, and it only gives back",
	"bondctl down %s":            "the members of the group keep their links, and get back what they had",
	"; bondctl down removes it.": "it says what becomes of a file",
	"nmcli general reload conf":  "it reads a file, which matters to devices that come later",
	"nmcli device set ":          "NetworkManager keeps the addresses of the device",
	"--take-over has it hand them over till the next boot, and with --save for good; bondctl down hands them back": "what the members carry goes on over the bond, and is verified",
	": bondctl up %s --take-over has it leave %s alone":                                                            "it takes off a slave what only shadows the bond",
	"systemctl mask --runtime ": "it only keeps a unit from being started, and that till the next boot",
	"systemd-networkd runs, and removes rules and routes of others when it starts or is reloaded: mkdir -p /etc/systemd/networkd.conf.d; printf '[Network]\\n%s=no\\n%s=no\\n' > /etc/systemd/networkd.conf.d/bondctl.conf; systemctl restart systemd-networkd": "networkd keeps addresses and leases over a restart, and what it removes of ours the keeper puts back",
	"systemctl restart systemd-networkd": "networkd keeps addresses and leases over a restart",
	"connman looks after %s; add that to NetworkInterfaceBlacklist in %s, and, where nobody is logged in over %[1]s, for it loses its address: systemctl restart connman": "it says what it costs",
	"iwd gives %s its address; set %s=false in %s, and, where nobody is logged in over %[1]s, for it loses its address: systemctl restart iwd":                            "it says what it costs",
	"ifup %s: %w": "it names what was run",
	"start %s: %w; journalctl -u %s tells more":                                                                    "it only shows",
	"run it with sudo":                                                                                             "it is what was meant",
	"only root may read the keys: run it with sudo":                                                                "it is what was meant",
	"what that knows is shown by: nmcli device wifi":                                                               "it only shows",
	"kill -9 %d ends it without giving anything back":                                                              "the address is on a slave, and stays",
	"kill %d, and disable the service that starts it; or leave wpa_conf out, if it is to stay":                     "the keeper associates the member then, or the other wpa_supplicant",
	"bondctl up %s --take-over has it hand the member over till the next boot, and with --save for good; by hand:": "what the member carries goes over to the bond, and is put back if nobody answers",
	"kill %d": "it is a wpa_supplicant of an interface that is no member, which nobody looks after",
	"look at the switch port and the cable; bondctl switch %s %s tries it, and goes back if nobody answers":                     "it goes back by itself",
	"reboot, if the kernel was upgraded since the last boot; in a container, load it on the host: modprobe bonding max_bonds=0": "there is no bond yet",
	"echo options bonding max_bonds=0 > /etc/modprobe.d/bonding.conf; ip link delete %s":                                        "it is empty and down",
	"bondctl up %s --take-over takes them off; give the bond a route first that you are connected by":                           "the bond has them first",
	"ip address del %s dev %s": "the bond has the same address",
	"ip address add %[1]s dev %[2]s && ip address del %[1]s dev %[3]s": "the bond has the address first",
	"rfkill unblock wifi": "it only adds",
	"ip link set %s down, unless you are connected over it; or make it a member":                          "it says when not to",
	"sysctl -w net.ipv4.conf.%s.rp_filter=2":                                                              "less is dropped",
	"sysctl -w net.ipv4.conf.%s.arp_ignore=0":                                                             "more is answered",
	"sysctl -w net.ipv4.conf.%s.arp_filter=0":                                                             "more is answered",
	"systemctl disable NetworkManager-wait-online.service, or have NetworkManager leave the member alone": "it is about the next boot alone",
	"systemctl disable %s": "it is about the next boot alone",
	"systemctl edit bondctl@%s, and write:\n[Unit]\nBefore=network-online.target\n[Service]\nExecStartPost=/bin/sh -c 'until ip -4 -o address show dev %[1]s | grep -q inet; do sleep 1; done'":      "it is about the next boot alone",
	"have networkd leave it alone:\nprintf '[Match]\\nName=%s\\n[Link]\\nUnmanaged=yes\\n' > /etc/systemd/network/05-bondctl-%[1]s.network; networkctl reload":                                       "a slave has nothing of networkd's that it could lose",
	"printf '[connection-bondctl]\\nwifi.cloned-mac-address=permanent\\n[device-bondctl]\\nwifi.scan-rand-mac-address=no\\n' > /etc/NetworkManager/conf.d/90-bondctl-mac.conf; nmcli general reload": "connections that are there stay as they are",
	"change it to %s=permanent there; nmcli connection reload":                                     "connections that are there stay as they are",
	"change it to %s=disabled in %s; systemctl restart iwd":                                        "iwd associates again by itself",
	"and have NetworkManager leave the members alone, as bondctl up --take-over --save does":       "what the members carry goes over to the bond, and is put back if nobody answers",
	", and have netplan's renderer leave the members alone, as bondctl up --take-over --save does": "what the members carry goes over to the bond, and is put back if nobody answers",
	"take %s out of %s; bondctl up %s":                                                             "what is wanted of the bond stays as it is",
}

// commands are such as change a network, or lead to it.
var commands = regexp.MustCompile(`\b(ip (-6 )?(address|link|route|rule|neigh)|ifdown|ifup|nmcli|systemctl|sysctl|modprobe|rfkill (un)?block|networkctl|dhclient|kill|flush|sudo|journalctl|bondctl (up|down|switch|confirm))\b|--(force|take-over)\b`)

// TestHints collects each message of the sources that names such a command, and holds it against the list: nobody
// who does as a message says is cut off.
func TestHints(t *testing.T) {
	found := map[string]bool{}
	for _, root := range []string{"../../bond", "."} {
		err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			for _, text := range messages(t, path) {
				found[text] = true
				if safe[text] == "" {
					t.Errorf("%s: nobody has said why this is safe to follow: %q", path, text)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for text := range safe {
		if !found[text] {
			t.Errorf("no message says %q any more", text)
		}
	}
}

// messages are the string literals of a file that tell somebody to run such a command. They aren't help texts, which
// are given as a Description or a Usage, nor comments in files, nor arguments of a program that is started.
func messages(t *testing.T, path string) (list []string) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	help := []string{"Description", "Usage", "UsageText", "upDescription"}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			key, ok := n.Key.(*ast.Ident)
			return !ok || !slices.Contains(help, key.Name)
		case *ast.ValueSpec:
			return !slices.Contains(help, n.Names[0].Name)
		case *ast.BasicLit:
			text, err := strconv.Unquote(n.Value)
			if n.Kind == token.STRING && err == nil && commands.MatchString(text) && strings.Contains(text, " ") && !strings.HasSuffix(text, " --help") && !strings.HasPrefix(text, "#") {
				list = append(list, text)
			}
		}
		return true
	})
	return list
}
