package known

import (
	"bytes"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/netnstest"
)

// all has a network of each kind.
var all = []Network{
	{SSID: []byte("cafe"), Security: Open, Hidden: true, Manual: true},
	{SSID: []byte("cafe"), Security: OWE},
	{SSID: []byte("lab\n\""), Security: WPA, Key: `ab "c" # d`, Priority: 7, BSSID: net.HardwareAddr{2, 0, 0, 0, 2, 0}},
	{SSID: []byte("lab"), Security: WPA, Key: Secret(strings.Repeat("0f", 32)), RequirePMF: true},
	{SSID: []byte("quoted"), Security: WPA, Key: `a # b "c" \`},
	{SSID: []byte("old"), Security: WPA, Key: "12345678", NoPMF: true, Priority: -3},
	{SSID: []byte("new"), Security: SAE, Key: "a\nb"},
	{SSID: []byte("work"), Security: Enterprise, EAP: EAP{Method: "PEAP", Identity: "me", AnonymousIdentity: "anon", Password: "p\"q", CACert: "/etc/ca.pem",
		SubjectMatch: "x", AltSubjectMatch: "DNS:a", DomainSuffixMatch: "example.org", DomainMatch: "example.com", Phase1: "peapver=0", Phase2: "auth=MSCHAPV2"}},
	{SSID: []byte("work"), Security: Enterprise, NoPMF: true, EAP: EAP{Method: "TTLS", Identity: "me", Password: "x", CAPath: systemCAs, Phase2: "autheap=MSCHAPV2"}},
	{SSID: []byte("high"), Security: Enterprise192, EAP: EAP{Method: "TLS", Identity: "me", ClientCert: "/c", PrivateKey: "/k", PrivateKeyPasswd: "x"}},
	{SSID: []byte("work"), Security: Enterprise, RequirePMF: true, EAP: EAP{Method: "PWD", Identity: "me", Password: Secret(strings.Repeat("\x00", longestValue))}},
}

func TestFormat(t *testing.T) {
	want := `update_config=1
mac_addr=0
preassoc_mac_addr=0

network={
	ssid=63616665
	scan_ssid=1
	key_mgmt=NONE
	disabled=1
}

network={
	ssid=63616665
	key_mgmt=OWE
	ieee80211w=2
}

network={
	ssid=6c61620a22
	bssid=02:00:00:00:02:00
	key_mgmt=WPA-PSK WPA-PSK-SHA256
	psk=79402364a0c8827650cccc2a0a8a47a21417a174731f84f0441bfaacb38a296b
	ieee80211w=1
	priority=7
}

network={
	ssid=6c6162
	key_mgmt=WPA-PSK WPA-PSK-SHA256
	psk=0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f
	ieee80211w=2
}

network={
	ssid=71756f746564
	key_mgmt=WPA-PSK WPA-PSK-SHA256 SAE
	psk="a # b "c" \"
	ieee80211w=1
}

network={
	ssid=6f6c64
	key_mgmt=WPA-PSK
	psk="12345678"
	ieee80211w=0
	priority=-3
}

network={
	ssid=6e6577
	key_mgmt=SAE
	sae_password=610a62
	ieee80211w=2
}

network={
	ssid=776f726b
	key_mgmt=WPA-EAP WPA-EAP-SHA256
	eap=PEAP
	identity="me"
	anonymous_identity="anon"
	password=702271
	ca_cert="/etc/ca.pem"
	subject_match="x"
	altsubject_match="DNS:a"
	domain_suffix_match="example.org"
	domain_match="example.com"
	phase1="peapver=0"
	phase2="auth=MSCHAPV2"
	ieee80211w=1
}

network={
	ssid=776f726b
	key_mgmt=WPA-EAP
	eap=TTLS
	identity="me"
	password="x"
	ca_path="/etc/ssl/certs"
	phase2="autheap=MSCHAPV2"
	ieee80211w=0
}

network={
	ssid=68696768
	key_mgmt=WPA-EAP-SUITE-B-192
	pairwise=GCMP-256
	group=GCMP-256
	group_mgmt=BIP-GMAC-256
	eap=TLS
	identity="me"
	client_cert="/c"
	private_key="/k"
	private_key_passwd="x"
	ieee80211w=2
}
`
	if diff := cmp.Diff(want, string(Format(all[:len(all)-1]))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestAccepted has the real wpa_supplicant read the file. It reads it before it looks for
// the interface, which doesn't exist.
func TestAccepted(t *testing.T) {
	program, err := exec.LookPath("wpa_supplicant")
	if err != nil {
		if program = "/usr/sbin/wpa_supplicant"; exec.Command(program, "-v").Run() != nil {
			netnstest.Skip(t, "%v; netnstest/setup installs it", err)
		}
	}
	for name, c := range map[string]struct {
		networks []Network
		more     string
		refused  bool
	}{
		"each kind": {all, "", false},
		"nothing":   {nil, "", false},
		"nonsense":  {all, "network={\n\tnonsense=1\n}\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "wpa.conf")
			text, err := Merge([]byte(c.more), c.networks)
			if err != nil {
				t.Fatal(err)
			}
			writeFile(t, file, string(text))
			out, _ := exec.Command(program, "-Dwired", "-inosuch0", "-c"+file).CombinedOutput()
			if !bytes.Contains(out, []byte("Successfully initialized")) || bytes.Contains(out, []byte("Failed to read or parse")) != c.refused || bytes.Contains(out, []byte("Line ")) != c.refused {
				t.Errorf("wpa_supplicant says\n%s", out)
			}
		})
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	for _, n := range all {
		for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
			text := sprintf(format, n)
			if strings.Contains(text, "12345678") || strings.Contains(text, "0f0f") || strings.Contains(text, "610a62") {
				t.Errorf("%s prints %s", format, text)
			}
		}
	}
}
