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
	"; bondctl down removes it.":                                                                                         "it says what becomes of a file",
	"nmcli general reload conf":                                                                                          "it reads a file, which matters to devices that come later",
	"nmcli device set ":                                                                                                  "NetworkManager keeps the addresses of the device",
	"--take-over has it hand them over till the next boot, and with --save for good; bondctl down hands them back":       "what the members carry goes on over the bond, and is verified",
	": bondctl up %s --take-over has it leave %s alone":                                                                  "it takes off a slave what only shadows the bond",
	"start %s: %w; journalctl -u %s tells more":                                                                          "it only shows",
	"run it with sudo": "it is what was meant",
	"only root may read the keys: run it with sudo":  "it is what was meant",
	"what that knows is shown by: nmcli device wifi": "it only shows",
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
