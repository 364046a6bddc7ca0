package known

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestIWD(t *testing.T) {
	for name, c := range map[string]struct {
		file, text string
		want       []Network
	}{
		"a passphrase": {"lab net.psk", "[Security]\nPassphrase=pass\\sword\nPreSharedKey=" + strings.Repeat("0f", 32) + "\n", []Network{
			{SSID: []byte("lab net"), Security: WPA, Key: "pass word"},
		}},
		"a key": {"=6c6162ff.psk", "[Security]\nPreSharedKey=" + strings.Repeat("0f", 32) + "\n[Settings]\nAutoConnect=false\nHidden=true\n", []Network{
			{SSID: []byte("lab\xff"), Security: WPA, Key: Secret(strings.Repeat("0f", 32)), Manual: true, Hidden: true},
		}},
		"open": {"cafe.open", "", []Network{{SSID: []byte("cafe"), Security: Open}, {SSID: []byte("cafe"), Security: OWE}}},
		"peap": {"work.8021x", "[Security]\nEAP-Method=PEAP\nEAP-Identity=anon\nEAP-PEAP-CACert=/etc/ca.pem\nEAP-PEAP-ServerDomainMask=*.example.org;radius.example.com\n" +
			"EAP-PEAP-Phase2-Method=MSCHAPV2\nEAP-PEAP-Phase2-Identity=me\nEAP-PEAP-Phase2-Password=secret\n", []Network{
			{SSID: []byte("work"), Security: Enterprise, EAP: EAP{
				Method: "PEAP", AnonymousIdentity: "anon", Identity: "me", Password: "secret", CACert: "/etc/ca.pem",
				DomainSuffixMatch: "example.org;radius.example.com", Phase2: "auth=MSCHAPV2",
			}},
		}},
		"ttls": {"work.8021x", "[Security]\nEAP-Method=TTLS\nEAP-Identity=anon\nEAP-TTLS-ServerDomainMask=radius.example.com\nEAP-TTLS-Phase2-Method=Tunneled-PAP\nEAP-TTLS-Phase2-Identity=me\nEAP-TTLS-Phase2-Password=secret\n", []Network{
			{SSID: []byte("work"), Security: Enterprise, EAP: EAP{Method: "TTLS", AnonymousIdentity: "anon", Identity: "me", Password: "secret", DomainMatch: "radius.example.com", Phase2: "auth=PAP"}},
		}},
		"ttls with eap inside": {"work.8021x", "[Security]\nEAP-Method=TTLS\nEAP-TTLS-Phase2-Method=MSCHAPV2\nEAP-TTLS-Phase2-Identity=me\nEAP-TTLS-Phase2-Password=secret\n", []Network{
			{SSID: []byte("work"), Security: Enterprise, EAP: EAP{Method: "TTLS", Identity: "me", Password: "secret", Phase2: "autheap=MSCHAPV2"}},
		}},
		"tls": {"work.8021x", "[Security]\nEAP-Method=TLS\nEAP-Identity=me\nEAP-TLS-CACert=/ca\nEAP-TLS-ClientCert=/me\nEAP-TLS-ClientKey=/key\nEAP-TLS-ClientKeyPassphrase=x\n", []Network{
			{SSID: []byte("work"), Security: Enterprise, EAP: EAP{Method: "TLS", Identity: "me", CACert: "/ca", ClientCert: "/me", PrivateKey: "/key", PrivateKeyPasswd: "x"}},
		}},
		"pwd": {"work.8021x", "[Security]\nEAP-Method=PWD\nEAP-Identity=me\nEAP-Password=x\n", []Network{
			{SSID: []byte("work"), Security: Enterprise, EAP: EAP{Method: "PWD", Identity: "me", Password: "x"}},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := IWD(c.file, strings.NewReader(c.text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got, secretsShown); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestIWDRefuses(t *testing.T) {
	for name, c := range map[string]struct{ file, text, want string }{
		"another file":          {"known_network.freq", "", string(errNotWiFi)},
		"no digits":             {"=6c6.psk", "", "its name isn't = and hexadecimal digits"},
		"no name":               {".psk", "", "its SSID hasn't 1 to 32 bytes"},
		"no key":                {"lab.psk", "[Security]\n", "there is no Passphrase in it"},
		"an encrypted one":      {"lab.psk", "[Security]\nEncryptedSecurity=00\n", "its key is encrypted (SystemdEncrypt), for iwd alone"},
		"an embedded one":       {"lab.8021x", "[Security]\nEAP-Method=TLS\nEAP-TLS-CACert=embed:ca\n[@pem@ca]\nMII=\n", "its EAP-TLS-CACert is in the profile itself, and not in a file of its own"},
		"a relative path":       {"lab.8021x", "[Security]\nEAP-Method=TLS\nEAP-TLS-CACert=ca\n", `its EAP-TLS-CACert is "ca", which is no whole path`},
		"an unknown method":     {"lab.8021x", "[Security]\nEAP-Method=SIM\n", `its EAP method is "SIM", and known here are PEAP, TTLS, TLS and PWD`},
		"no password":           {"lab.8021x", "[Security]\nEAP-Method=PEAP\nEAP-PEAP-Phase2-Method=GTC\n", "there is no EAP-PEAP-Phase2-Password in it"},
		"a certificate inside":  {"lab.8021x", "[Security]\nEAP-Method=PEAP\nEAP-PEAP-Phase2-Method=TLS\nEAP-PEAP-Phase2-Password=x\n", `its EAP-PEAP-Phase2-Method is "TLS", which is not known here`},
		"a line that is broken": {"lab.psk", "Passphrase\n", "line 1: there is no [GROUP] above it"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := IWD(c.file, strings.NewReader(c.text))
			if err == nil || err.Error() != c.want {
				t.Errorf("got %v\nwant %s", err, c.want)
			}
		})
	}
}
