package known

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Merge adds networks to a wpa_supplicant.conf(5), of which everything stays: somebody
// may have joined a network since the file was written. One that is there with the same
// secrets isn't added again. The error says which line can't be understood; then nothing
// should be written in its place.
func Merge(text []byte, networks []Network) ([]byte, error) {
	c, err := parseConf(string(text))
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	for _, f := range preamble {
		if !slices.Contains(c.global, f.Name) {
			fmt.Fprintf(&b, "%s=%s\n", f.Name, f.Value)
		}
	}
	b.Write(text)
	if len(text) > 0 && text[len(text)-1] != '\n' {
		b.WriteByte('\n')
	}
	for _, n := range networks {
		fields := n.Fields()
		if id := identity(fields); !slices.Contains(c.networks, id) {
			c.networks = append(c.networks, id)
			b.WriteString(format(fields))
		}
	}
	return []byte(b.String()), nil
}

// conf is what there is in a wpa_supplicant.conf.
type conf struct {
	global   []string // the names of what is set for all networks
	networks []string // by their identities
}

// parseConf reads a wpa_supplicant.conf as far as it takes to know what is in it.
func parseConf(text string) (c conf, err error) {
	var block []Field
	kind, number := "", 0
	for line := range strings.Lines(text) {
		number++
		line = uncomment(line)
		name, value, isField := strings.Cut(line, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		switch {
		case line == "":
		case kind != "" && line == "}":
			if kind == "network" {
				c.networks = append(c.networks, identity(block))
			}
			kind, block = "", nil
		case kind == "" && value == "{":
			kind = name
		case strings.HasPrefix(kind, "blob-"):
		case !isField:
			return conf{}, fmt.Errorf("line %d: it isn't NAME=VALUE", number)
		case kind == "":
			c.global = append(c.global, name)
		default:
			block = append(block, Field{name, value})
		}
	}
	if kind != "" {
		return conf{}, fmt.Errorf("%s={ isn't closed by a }", kind)
	}
	return c, nil
}

// uncomment takes blanks and comments off a line, as wpa_config_get_line of
// wpa_supplicant does: a # between the first two quotes begins none.
func uncomment(line string) string {
	line = strings.TrimSpace(line)
	if strings.HasPrefix(line, "#") {
		return ""
	}
	begin := 0
	if first := strings.IndexByte(line, '"'); first >= 0 {
		if second := strings.IndexByte(line[first+1:], '"'); second >= 0 {
			begin = first + 1 + second
		}
	}
	if i := strings.IndexByte(line[begin:], '#'); i >= 0 {
		line = line[:begin+i]
	}
	return strings.TrimSpace(line)
}

// identifying are the fields by which networks are told apart.
var identifying = []string{"ssid", "psk", "sae_password", "eap", "identity", "password", "private_key", "private_key_passwd"}

// identity is the same for networks that have the same name and secrets, however they
// are written. A network is open if it has no secret, and WPA3 takes a passphrase that
// is named as WPA2's.
func identity(fields []Field) string {
	var parts []string
	open := ""
	for _, f := range fields {
		if slices.Contains(identifying, f.Name) {
			name := strings.Replace(f.Name, "sae_password", "psk", 1)
			parts = append(parts, fmt.Sprintf("%s=%q", name, unquote(f.Value)))
		}
		if f.Name == "key_mgmt" && (f.Value == "OWE" || f.Value == "SAE") {
			open = f.Value
		}
	}
	slices.Sort(parts)
	return open + " " + strings.Join(parts, " ")
}

// unquote is the opposite of quote. A key of 64 digits stays the digits.
func unquote(value string) string {
	if inner, ok := strings.CutPrefix(value, `"`); ok {
		inner, _ = strings.CutSuffix(inner, `"`)
		return inner
	}
	if text, err := hex.DecodeString(value); err == nil && len(value) != 64 {
		return string(text)
	}
	return value
}
