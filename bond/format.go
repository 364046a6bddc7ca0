package bond

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// FormatTOML writes a configuration as a file's text. [ParseTOML] and
// [NewConfig], given the same name, read an equal one back. The name is the
// file's and not in it; what is at its default isn't written.
func FormatTOML(c Config) []byte {
	var f formatter
	f.text("primary", c.Primary)
	for _, o := range table {
		f.option(o, &c.Options)
	}
	f.text("mac", macText(c))
	f.number("mtu", int64(c.MTU))
	f.list("dns", texts(c.DNS))
	for _, m := range c.Members {
		f.begin("[[member]]")
		f.member(m)
	}
	f.begin("[ipv4]")
	f.text("method", c.Method)
	f.yesNo("use_routes", c.UseRoutes)
	f.yesNo("use_dns", c.UseDNS)
	if c.UseMTU {
		f.yesNo("use_mtu", &c.UseMTU)
	}
	f.family(c, netip.Addr.Is4)
	f.begin("[ipv6]")
	f.family(c, netip.Addr.Is6)
	return []byte(f.b.String())
}

// formatter writes keys one below the other, and of a table with none nothing.
type formatter struct {
	b     strings.Builder
	title string // of a table that no key has been written of
}

func (f *formatter) begin(title string) { f.title = title }

func (f *formatter) line(key, value string) {
	if f.title != "" {
		if f.b.Len() > 0 {
			f.b.WriteByte('\n')
		}
		fmt.Fprintln(&f.b, f.title)
		f.title = ""
	}
	fmt.Fprintf(&f.b, "%s = %s\n", key, value)
}

func (f *formatter) text(key, value string) {
	if value != "" {
		f.line(key, tomlString(value))
	}
}

func (f *formatter) number(key string, value int64) {
	if value != 0 {
		f.line(key, strconv.FormatInt(value, 10))
	}
}

func (f *formatter) yesNo(key string, yes *bool) {
	if yes != nil {
		f.line(key, strconv.FormatBool(*yes))
	}
}

func (f *formatter) list(key string, values []string) {
	if len(values) == 0 {
		return
	}
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = tomlString(v)
	}
	f.line(key, "["+strings.Join(quoted, ", ")+"]")
}

// option writes an option that is named. A file has one list of targets, of
// IPv4 and IPv6 addresses.
func (f *formatter) option(o option, all *Options) {
	value, named := o.text(all)
	switch {
	case o.key == "arp_ip_target":
		f.list(o.key, texts(slices.Concat(all.ARPIPTarget, all.NSIP6Target)))
	case o.key == "ns_ip6_target" || !named:
	case o.isTime:
		ms, _ := strconv.ParseInt(value, 10, 64)
		f.line(o.key, tomlString((time.Duration(ms) * time.Millisecond).String()))
	case o.words != nil:
		f.line(o.key, tomlString(value))
	default:
		f.line(o.key, value)
	}
}

func (f *formatter) member(m Member) {
	f.text("name", m.Name)
	f.text("kind", m.Kind)
	f.text("mac", m.MAC.String())
	f.text("driver", m.Driver)
	f.text("bus", m.Bus)
	f.text("wpa_conf", m.WPAConf)
	if m.Prio != nil {
		f.line("prio", strconv.Itoa(int(*m.Prio)))
	}
}

// family writes the addresses and the gateway of one family.
func (f *formatter) family(c Config, is func(netip.Addr) bool) {
	addresses := slices.DeleteFunc(slices.Clone(c.Addresses), func(p netip.Prefix) bool { return !is(p.Addr()) })
	f.list("addresses", texts(addresses))
	for _, g := range c.Gateways {
		if is(g) {
			f.text("gateway", g.String())
		}
	}
}

func macText(c Config) string {
	if c.MACStable {
		return "stable"
	}
	return c.MAC.String()
}

func texts[T fmt.Stringer](values []T) []string {
	var list []string
	for _, v := range values {
		list = append(list, v.String())
	}
	return list
}

// tomlString quotes a text as a TOML basic string.
func tomlString(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// sortFamilies puts IPv4 before IPv6: which family comes first means nothing,
// and a file has a table for each.
func (c *Config) sortFamilies() {
	slices.SortStableFunc(c.Addresses, func(a, b netip.Prefix) int { return a.Addr().BitLen() - b.Addr().BitLen() })
	slices.SortStableFunc(c.Gateways, func(a, b netip.Addr) int { return a.BitLen() - b.BitLen() })
}
