package owner

import (
	"path/filepath"
	"slices"
	"strings"
)

// A call is what a client's arguments say.
type call struct {
	interfaces []string // none: all that there are
	ipv6       bool     // it asks for IPv6 alone
	manager    bool     // a dhcpcd that serves all interfaces
	ends       bool     // it only ends another one, or asks for an address once and ends
	options    map[string]string
	extra      []string // udhcpc's -x
}

// option is the value of the first of the options that is there, and whether one is.
func (c call) option(names ...string) (value string, ok bool) {
	for _, name := range names {
		if value, ok = c.options[name]; ok {
			return value, true
		}
	}
	return "", false
}

// dhclientValues are dhclient's options that take a value; the last ones are Red Hat's.
var dhclientValues = []string{
	"-p", "-D", "-pf", "-lf", "-cf", "-df", "-sf", "-s", "-g", "-e", "-4o6",
	"--dad-wait-time", "--prefix-len-hint", "--decline-wait-time",
	"-C", "-H", "-F", "-V", "-timeout", "--timeout", "--request-options",
}

// parseDhclient reads the arguments of a dhclient(8).
func parseDhclient(args []string) call {
	c := call{options: map[string]string{}}
	for i := 1; i < len(args); i++ {
		switch arg := args[i]; {
		case slices.Contains(dhclientValues, arg):
			if i+1 < len(args) {
				i++
				c.options[arg] = args[i]
			}
		case strings.HasPrefix(arg, "-"):
			c.options[arg] = ""
		case arg != "":
			c.interfaces = append(c.interfaces, arg)
		}
	}
	_, c.ipv6 = c.options["-6"]
	_, c.ends = c.option("-r", "-x", "--version", "--help")
	return c
}

// udhcpcLong has the short options for udhcpc's long ones.
var udhcpcLong = map[string]string{
	"interface": "i", "script": "s", "pidfile": "p", "request": "r", "request-option": "O", "vendorclass": "V",
	"fqdn": "F", "hostname": "H", "clientid": "c", "clientid-none": "C", "tryagain": "A", "timeout": "T",
	"retries": "t", "client-port": "P", "quit": "q", "release": "R",
}

// parseUdhcpc reads the arguments of busybox's udhcpc, called by its own name or as busybox
// udhcpc. Its interface is eth0 unless another one is named.
func parseUdhcpc(args []string) call {
	c := call{interfaces: []string{"eth0"}, options: map[string]string{}}
	if len(args) > 0 && strings.HasPrefix(filepath.Base(args[0]), "busybox") {
		args = args[1:]
	}
	const withValue = "isprOxVFHhcATtP"
	for i := 1; i < len(args); i++ {
		arg := args[i]
		var letter, value string
		var has bool // the value is in the same word
		switch {
		case strings.HasPrefix(arg, "--"):
			name, rest, cut := strings.Cut(arg[2:], "=")
			letter, value, has = udhcpcLong[name], rest, cut
		case strings.HasPrefix(arg, "-") && len(arg) > 1:
			letters := arg[1:]
			// Letters without a value may stand together, and before one with it. That of
			// -a is in the same word.
			at := strings.IndexAny(letters, withValue+"a")
			if at < 0 {
				at = len(letters) - 1
			}
			for _, l := range letters[:at] {
				c.options[string(l)] = ""
			}
			letter, value = letters[at:at+1], letters[at+1:]
			has = value != "" || letter == "a"
		}
		if letter == "" {
			continue
		}
		if strings.Contains(withValue, letter) && !has && i+1 < len(args) {
			i++
			value = args[i]
		}
		switch letter {
		case "i":
			c.interfaces = []string{value}
		case "x":
			c.extra = append(c.extra, value)
		default:
			c.options[letter] = value
		}
	}
	_, c.ends = c.options["q"]
	return c
}

// dhcpcdTitle begins what dhcpcd (since 9) writes over its arguments.
const dhcpcdTitle = "dhcpcd: "

// parseDhcpcd reads a dhcpcd's title, such as "dhcpcd: eth0 [ip4]" or "dhcpcd: [manager]
// [ip4] [ip6]", or the arguments that a dhcpcd before 9 still has. ok is false for the title
// of one of its helpers.
func parseDhcpcd(args []string) (c call, ok bool) {
	c = call{options: map[string]string{}}
	if len(args) == 0 || !strings.HasPrefix(args[0], dhcpcdTitle) {
		return parseDhcpcdArgs(args), len(args) > 0
	}
	title := strings.TrimPrefix(strings.TrimRight(strings.Join(args, " "), " "), dhcpcdTitle)
	ip4 := false
	for word := range strings.FieldsSeq(strings.ReplaceAll(title, "] [", "]  [")) {
		switch word {
		case "[manager]", "[master]":
			c.manager = true
		case "[ip4]":
			ip4 = true
		case "[ip6]":
			c.options["-6"] = ""
		default:
			if strings.HasPrefix(word, "[") {
				return call{}, false // a helper's
			}
			c.interfaces = append(c.interfaces, word)
		}
	}
	if _, ip6 := c.options["-6"]; ip4 != ip6 {
		c.ipv6 = ip6
		delete(c.options, "-6")
		c.options[map[bool]string{true: "-4", false: "-6"}[ip4]] = ""
	} else {
		delete(c.options, "-6")
	}
	return c, c.manager != (len(c.interfaces) > 0)
}

// parseDhcpcdArgs reads the arguments of a dhcpcd(8).
func parseDhcpcdArgs(args []string) call {
	c := call{options: map[string]string{}}
	const withValue = "cefhijlmorstuvyzCFGIOQSWXZ"
	for i := 1; i < len(args); i++ {
		arg := args[i]
		if !strings.HasPrefix(arg, "-") {
			c.interfaces = append(c.interfaces, arg)
			continue
		}
		if strings.HasPrefix(arg, "--") {
			c.options[arg] = ""
			continue
		}
		for letters := arg[1:]; letters != ""; {
			letter := letters[:1]
			letters = letters[1:]
			value := ""
			if strings.Contains(withValue, letter) {
				if value, letters = letters, ""; value == "" && i+1 < len(args) {
					i++
					value = args[i]
				}
			}
			c.options["-"+letter] = value
		}
	}
	_, c.ends = c.option("-k", "-x", "-n", "-T", "-U", "-V", "--exit", "--release", "--rebind", "--test", "--dumplease", "--version")
	_, four := c.options["-4"]
	_, six := c.options["-6"]
	c.ipv6 = six && !four
	c.manager = len(c.interfaces) == 0
	return c
}

// again are the arguments that start a dhcpcd which wrote a title over its own.
func (c call) again(program string) []string {
	args := []string{program}
	for _, family := range []string{"-4", "-6"} {
		if _, ok := c.options[family]; ok {
			args = append(args, family)
		}
	}
	return append(args, c.interfaces...)
}
