package known

import (
	"crypto/pbkdf2"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// longestValue is how many bytes a value may have: wpa_supplicant reads lines of 512, and
// a value can double in size as it is written.
const longestValue = 240

// Check refuses what wpa_supplicant would refuse, and what a line of its file has no room
// for.
func (n Network) Check() error {
	switch n.Security {
	case WPA, SAE:
		return n.checkKey()
	case Enterprise, Enterprise192:
		return n.EAP.check()
	}
	return nil
}

func (n Network) checkKey() error {
	size := len(n.Key)
	control := strings.ContainsFunc(string(n.Key), func(r rune) bool { return r < ' ' || r == 0x7f })
	switch {
	case n.Security == SAE && size > 0 && size <= longestValue && !strings.ContainsRune(string(n.Key), 0):
		return nil // WPA3 knows no limits
	case n.Security != SAE && n.Key.isHex():
		return nil
	case n.Security != SAE && size >= 8 && size <= 63 && !control:
		return nil
	case n.Security == SAE:
		return unfit(fmt.Sprintf("its password hasn't 1 to %d bytes", longestValue))
	}
	return unfit("its key is neither a passphrase of 8 to 63 characters nor 64 hexadecimal digits")
}

// isHex says whether a key is the key itself and not a passphrase.
func (s Secret) isHex() bool {
	_, err := hex.DecodeString(string(s))
	return err == nil && len(s) == 64
}

// bare is a network whose key can stand between quotes. In its file wpa_supplicant takes
// a # for a comment once there were two quotes before it, be one of them the passphrase's.
// The key is derived from such a one here, as wpa_supplicant would.
func (n Network) bare() Network {
	_, rest, quote := strings.Cut(string(n.Key), `"`)
	if n.Security != WPA || !quote || !strings.Contains(rest, "#") {
		return n
	}
	key, err := pbkdf2.Key(sha1.New, string(n.Key), n.SSID, 4096, 32)
	if err == nil {
		n.Key = Secret(hex.EncodeToString(key))
	}
	return n
}

// A Field is a line of a network's block in a wpa_supplicant.conf(5).
type Field struct{ Name, Value string }

// Fields are the lines by which wpa_supplicant joins a network. They have its secrets.
func (n Network) Fields() (list []Field) {
	n = n.bare()
	add := func(name, value string) {
		if value != "" {
			list = append(list, Field{name, value})
		}
	}
	add("ssid", hex.EncodeToString(n.SSID))
	if n.Hidden {
		add("scan_ssid", "1")
	}
	if n.BSSID != nil {
		add("bssid", n.BSSID.String())
	}
	management, pmf := n.management()
	add("key_mgmt", management)
	switch n.Security {
	case SAE:
		add("sae_password", quote(string(n.Key)))
	case WPA:
		if add("psk", `"`+string(n.Key)+`"`); n.Key.isHex() {
			list[len(list)-1].Value = string(n.Key)
		}
	case Enterprise192:
		add("pairwise", "GCMP-256")
		add("group", "GCMP-256")
		add("group_mgmt", "BIP-GMAC-256")
		fallthrough
	case Enterprise:
		list = append(list, n.EAP.fields()...)
	}
	add("ieee80211w", pmf)
	if n.Priority != 0 {
		add("priority", strconv.Itoa(n.Priority))
	}
	if n.Manual {
		add("disabled", "1")
	}
	return list
}

// management is how keys are agreed on, and whether management frames are protected: 0
// not, 1 where the access point can, 2 always, which WPA3 asks for.
func (n Network) management() (management, pmf string) {
	pmf = "1"
	switch {
	case n.Security == Open:
		return "NONE", ""
	case n.Security == OWE:
		return "OWE", "2"
	case n.Security == SAE:
		return "SAE", "2"
	case n.Security == Enterprise192:
		return "WPA-EAP-SUITE-B-192", "2"
	case n.RequirePMF:
		pmf = "2"
	}
	switch {
	case n.Security == Enterprise && n.NoPMF:
		return "WPA-EAP", "0"
	case n.Security == Enterprise:
		return "WPA-EAP WPA-EAP-SHA256", pmf
	case n.NoPMF:
		return "WPA-PSK", "0"
	case n.Key.isHex():
		return "WPA-PSK WPA-PSK-SHA256", pmf // SAE wants the passphrase
	}
	return "WPA-PSK WPA-PSK-SHA256 SAE", pmf
}

func (e EAP) fields() (list []Field) {
	list = append(list, Field{"eap", e.Method})
	for _, f := range []Field{
		{"identity", e.Identity}, {"anonymous_identity", e.AnonymousIdentity}, {"password", string(e.Password)},
		{"ca_cert", e.CACert}, {"ca_path", e.CAPath},
		{"subject_match", e.SubjectMatch}, {"altsubject_match", e.AltSubjectMatch},
		{"domain_suffix_match", e.DomainSuffixMatch}, {"domain_match", e.DomainMatch},
		{"phase1", e.Phase1}, {"phase2", e.Phase2},
		{"client_cert", e.ClientCert}, {"private_key", e.PrivateKey}, {"private_key_passwd", string(e.PrivateKeyPasswd)},
	} {
		if f.Value != "" {
			list = append(list, Field{f.Name, quote(f.Value)})
		}
	}
	return list
}

// check refuses what a line has no room for.
func (e EAP) check() error {
	for _, f := range e.fields() {
		if len(f.Value) > 2*longestValue+2 {
			return unfit(fmt.Sprintf("its %s is too long for wpa_supplicant", f.Name))
		}
	}
	return nil
}

// quote writes a text as wpa_supplicant reads it: between quotes as it is, or as
// hexadecimal digits.
func quote(text string) string {
	special := func(r rune) bool { return r < ' ' || r == 0x7f || r == '"' || r == utf8.RuneError }
	if strings.ContainsFunc(text, special) || len(text) > longestValue {
		return hex.EncodeToString([]byte(text))
	}
	return `"` + text + `"`
}

// preamble is what a file begins with: wpa_supplicant may write it anew, and leaves the
// MAC address as it is.
var preamble = []Field{{"update_config", "1"}, {"mac_addr", "0"}, {"preassoc_mac_addr", "0"}}

// Format writes networks as a wpa_supplicant.conf(5).
func Format(networks []Network) []byte {
	text, _ := Merge(nil, networks) // nothing can be wrong with nothing
	return text
}

func format(fields []Field) string {
	var b strings.Builder
	b.WriteString("\nnetwork={\n")
	for _, f := range fields {
		fmt.Fprintf(&b, "\t%s=%s\n", f.Name, f.Value)
	}
	b.WriteString("}\n")
	return b.String()
}
