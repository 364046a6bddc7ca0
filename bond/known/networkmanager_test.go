package known

import (
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var wlan0 = Interface{Name: "wlan0", MAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}}

const profileHead = "[connection]\nid=Home\nuuid=u1\ntype=wifi\n[wifi]\nssid=lab\n"

func TestNetworkManager(t *testing.T) {
	lab := []byte("lab")
	for name, c := range map[string]struct {
		text string
		want Network
	}{
		"open":              {profileHead, Network{SSID: lab, Security: Open}},
		"enhanced open":     {profileHead + "[wifi-security]\nkey-mgmt=owe\n", Network{SSID: lab, Security: OWE}},
		"a passphrase":      {profileHead + "[wifi-security]\nkey-mgmt=wpa-psk\npsk=pass # word; \n", Network{SSID: lab, Security: WPA, Key: "pass # word; "}},
		"a key":             {profileHead + "[wifi-security]\nkey-mgmt=wpa-psk\npsk=" + strings.Repeat("0f", 32) + "\n", Network{SSID: lab, Security: WPA, Key: Secret(strings.Repeat("0f", 32))}},
		"wpa3":              {profileHead + "[wifi-security]\nkey-mgmt=sae\npsk=short\npmf=3\n", Network{SSID: lab, Security: SAE, Key: "short", RequirePMF: true}},
		"old names":         {"[connection]\nid=Home\nuuid=u1\ntype=802-11-wireless\n[802-11-wireless]\nssid=76;97;98;\n[802-11-wireless-security]\nkey-mgmt=wpa-psk\npsk=12345678\npmf=1\n", Network{SSID: []byte("Lab"), Security: WPA, Key: "12345678", NoPMF: true}},
		"a semicolon":       {strings.Replace(profileHead, "ssid=lab", `ssid=a\\;b`, 1), Network{SSID: []byte("a;b"), Security: Open}},
		"bytes":             {strings.Replace(profileHead, "ssid=lab", "ssid=255;0;", 1), Network{SSID: []byte{255, 0}, Security: Open}},
		"hidden":            {profileHead + "hidden=true\nmode=infrastructure\nbssid=02:00:00:00:02:00\n", Network{SSID: lab, Security: Open, Hidden: true, BSSID: net.HardwareAddr{2, 0, 0, 0, 2, 0}}},
		"by hand":           {profileHead + "[connection]\nautoconnect=false\nautoconnect-priority=-7\n", Network{SSID: lab, Security: Open, Manual: true, Priority: -7}},
		"for the interface": {profileHead + "mac-address=02:00:00:00:00:01\n[connection]\ninterface-name=wlan0\n", Network{SSID: lab, Security: Open}},
		"peap": {
			profileHead + "[wifi-security]\nkey-mgmt=wpa-eap\n[802-1x]\neap=peap;\nidentity=me@example.org\nanonymous-identity=anon\npassword=pa\\\\ss\n" +
				"ca-cert=file:///etc/ca.pem\nphase1-peapver=0\nphase1-auth-flags=3\nphase2-auth=mschapv2\ndomain-suffix-match=example.org\naltsubject-matches=DNS:a;DNS:b;\n",
			Network{SSID: lab, Security: Enterprise, EAP: EAP{
				Method: "PEAP", Identity: "me@example.org", AnonymousIdentity: "anon", Password: `pa\ss`, CACert: "/etc/ca.pem", DomainSuffixMatch: "example.org",
				AltSubjectMatch: "DNS:a;DNS:b", Phase1: "peapver=0 tls_disable_tlsv1_0=1 tls_disable_tlsv1_1=1", Phase2: "auth=MSCHAPV2",
			}},
		},
		"ttls": {
			profileHead + "[wifi-security]\nkey-mgmt=wpa-eap\n[802-1x]\neap=ttls\nidentity=me\npassword=secret\nca-cert=ca.pem\nsystem-ca-certs=true\nphase2-autheap=mschapv2\n",
			Network{SSID: lab, Security: Enterprise, EAP: EAP{Method: "TTLS", Identity: "me", Password: "secret", CAPath: "/etc/ssl/certs", Phase2: "autheap=MSCHAPV2"}},
		},
		"tls": {
			profileHead + "[wifi-security]\nkey-mgmt=wpa-eap-suite-b-192\n[802-1x]\neap=tls;\nidentity=me\nca-cert=47;101;116;99;47;99;97;\nclient-cert=file:///etc/me.pem\nprivate-key=me.key\nprivate-key-password=secret\n",
			Network{SSID: lab, Security: Enterprise192, EAP: EAP{
				Method: "TLS", Identity: "me", CACert: "/etc/ca", ClientCert: "/etc/me.pem", PrivateKey: "/etc/nm/me.key", PrivateKeyPasswd: "secret",
			}},
		},
		"pkcs#12": {
			profileHead + "[wifi-security]\nkey-mgmt=wpa-eap\n[802-1x]\neap=tls\nclient-cert=/a.p12\nprivate-key=/a.p12\nprivate-key-password-flags=4\n",
			Network{SSID: lab, Security: Enterprise, EAP: EAP{Method: "TLS", PrivateKey: "/a.p12"}},
		},
		"a raw password": {
			profileHead + "[wifi-security]\nkey-mgmt=wpa-eap\n[802-1x]\neap=pwd\nidentity=me\npassword-raw=1;2;\n",
			Network{SSID: lab, Security: Enterprise, EAP: EAP{Method: "PWD", Identity: "me", Password: "\x01\x02"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := NetworkManager(strings.NewReader(c.text), wlan0, "/etc/nm")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(Profile{Network: c.want, ID: "Home", UUID: "u1"}, got, secretsShown); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// secretsShown compares secrets, and shows them where they differ.
var secretsShown = cmp.Transformer("text", func(s Secret) string { return string(s) })

func TestNetworkManagerRefuses(t *testing.T) {
	eap := profileHead + "[wifi-security]\nkey-mgmt=wpa-eap\n[802-1x]\n"
	for name, c := range map[string]struct{ text, want string }{
		"no profile":               {"x=y\n", "line 1: there is no [GROUP] above it"},
		"a cable's":                {"[connection]\ntype=ethernet\n", string(errNotWiFi)},
		"another interface's":      {profileHead + "[connection]\ninterface-name=wlan1\n", string(errOther)},
		"another card's":           {profileHead + "mac-address=02:00:00:00:00:02\n", string(errOther)},
		"matched":                  {profileHead + "[match]\ninterface-name=wl*;\n", "it is for what its [match] describes, which is not understood here"},
		"no SSID":                  {"[connection]\ntype=wifi\n", "its SSID hasn't 1 to 32 bytes"},
		"an access point":          {profileHead + "mode=ap\n", `its mode is "ap", and a member joins access points alone`},
		"a switch that is neither": {profileHead + "hidden=perhaps\n", `line 7: hidden is true or false, not "perhaps"`},
		"wep":                      {profileHead + "[wifi-security]\nkey-mgmt=none\nwep-key0=12345\n", "it is secured by WEP or LEAP, which protect nothing, and which wpa_supplicant has given up"},
		"unknown keys":             {profileHead + "[wifi-security]\nkey-mgmt=dpp\n", `its key-mgmt is "dpp", which is not known here`},
		"a keyring":                {profileHead + "[wifi-security]\nkey-mgmt=wpa-psk\npsk-flags=1\n", "the keyring of a user has its psk (psk-flags=1)"},
		"asked for":                {profileHead + "[wifi-security]\nkey-mgmt=sae\npsk-flags=2\n", "its psk is asked for each time, and kept nowhere (psk-flags=2)"},
		"no key":                   {profileHead + "[wifi-security]\nkey-mgmt=wpa-psk\n", "there is no psk in it"},
		"a short key":              {profileHead + "[wifi-security]\nkey-mgmt=wpa-psk\npsk=1234567\n", "its key is neither a passphrase of 8 to 63 characters nor 64 hexadecimal digits"},
		"a line break in a key":    {profileHead + "[wifi-security]\nkey-mgmt=wpa-psk\npsk=1234567\\n8\n", "its key is neither a passphrase of 8 to 63 characters nor 64 hexadecimal digits"},
		"an unknown method":        {eap + "eap=fast;\n", `its EAP method is "FAST", and known here are PEAP, TTLS, TLS and PWD`},
		"no method":                {eap, `its EAP method is "", and known here are PEAP, TTLS, TLS and PWD`},
		"a smart card":             {eap + "eap=tls\nprivate-key=pkcs11:object=me\n", "its private-key is on a smart card (PKCS#11)"},
		"a blob":                   {eap + "eap=peap\nca-cert=data:;base64,AAAA\n", "its ca-cert is in the profile itself, and not in a file of its own"},
		"an old blob":              {eap + "eap=peap\nca-cert=48;130;3;\n", "its ca-cert is in the profile itself, and not in a file of its own"},
		"a keyring's password":     {eap + "eap=peap\npassword-flags=1\n", "the keyring of a user has its password (password-flags=1)"},
		"a key's password":         {eap + "eap=tls\nprivate-key=/a.pem\nprivate-key-password-flags=1\n", "the keyring of a user has its private-key-password (private-key-password-flags=1)"},
		"no private key":           {eap + "eap=tls\n", "there is no private-key in it"},
		"a certificate inside":     {eap + "eap=peap\nphase2-autheap=tls\npassword=x\n", "it has a certificate within a tunnel (phase 2 is TLS), which is not known here"},
		"an injection":             {eap + "eap=peap\nphase2-auth=x\\ny\npassword=x\n", "its phase 2 is none that is known here"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NetworkManager(strings.NewReader(c.text), wlan0, "/etc/nm")
			if err == nil || err.Error() != c.want {
				t.Errorf("got %v\nwant %s", err, c.want)
			}
		})
	}
}
