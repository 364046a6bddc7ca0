package known

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMerge(t *testing.T) {
	lab := Network{SSID: []byte("lab"), Security: WPA, Key: "12345678"}
	for name, c := range map[string]struct {
		text     string
		networks []Network
		added    int
	}{
		"nothing to nothing":  {"", nil, 0},
		"one to nothing":      {"", []Network{lab}, 1},
		"the same twice":      {"", []Network{lab, lab}, 1},
		"one that is there":   {"network={\n\tssid=\"lab\"\n\tpsk=\"12345678\"\n}\n", []Network{lab}, 0},
		"as wpa3":             {"network={\n\tssid=6c6162\n\tkey_mgmt=WPA-PSK SAE\n\tsae_password=3132333435363738\n}\n", []Network{lab}, 0},
		"with another key":    {"network={\n\tssid=\"lab\"\n\tpsk=\"87654321\"\n}\n", []Network{lab}, 1},
		"another network":     {"# mine\nnetwork={\n\tssid=\"cafe\" # here\n\tkey_mgmt=NONE\n}", []Network{lab}, 1},
		"open and enhanced":   {"network={\n\tssid=\"cafe\"\n\tkey_mgmt=NONE\n}\n", all[:2], 1},
		"with a quote inside": {"network={\n\tssid=\"a#b\"c\" # x\n\tkey_mgmt=NONE\n}\n", []Network{{SSID: []byte(`a#b"c`), Security: Open}}, 0},
		"with other blocks":   {"cred={\n\trealm=\"x\"\n}\nblob-base64-x={\nAAAA\n}\n", []Network{lab}, 1},
		"all":                 {string(Format(all)), all, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Merge([]byte(c.text), c.networks)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(got), "network={") - strings.Count(c.text, "network={"); n != c.added {
				t.Errorf("%d networks were added, not %d:\n%s", n, c.added, got)
			}
			if !bytes.Contains(got, []byte(c.text)) {
				t.Errorf("something is gone:\n%s", got)
			}
			again, err := Merge(got, c.networks)
			if diff := cmp.Diff(string(got), string(again)); err != nil || diff != "" {
				t.Errorf("%v, once more (-want +got)\n%s", err, diff)
			}
		})
	}
	for text, want := range map[string]string{
		"network={\n\tssid=\"a\"\n": "network={ isn't closed by a }",
		"\nnonsense\n":              "line 2: it isn't NAME=VALUE",
	} {
		if _, err := Merge([]byte(text), nil); err == nil || err.Error() != want {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

func FuzzMerge(f *testing.F) {
	f.Add(Format(all[3:]))
	f.Add([]byte("country=DE\nnetwork={\nssid=\"x\"\n}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 1<<13 {
			return
		}
		got, err := Merge(text, all[3:]) // the others take a while to derive a key
		if err != nil {
			return
		}
		again, err := Merge(got, all[3:])
		if err != nil || !bytes.Equal(got, again) || !bytes.Contains(got, text) {
			t.Errorf("%v\n%s\n---\n%s", err, got, again)
		}
	})
}

// FuzzProfiles: whatever a profile says, no line of it gets out of its field.
func FuzzProfiles(f *testing.F) {
	f.Add([]byte(profileHead + "[wifi-security]\nkey-mgmt=wpa-psk\npsk=12345678\n"))
	f.Add([]byte(profileHead + "[wifi-security]\nkey-mgmt=wpa-eap\n[802-1x]\neap=peap\nidentity=a\\nb\npassword=x\nphase2-auth=mschapv2\nca-cert=/a\n"))
	f.Add([]byte("[Security]\nEAP-Method=TTLS\nEAP-TTLS-Phase2-Method=Tunneled-PAP\nEAP-TTLS-Phase2-Password=x\nPassphrase=12345678\nPreSharedKey=x\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 1<<13 {
			return
		}
		check := func(n Network, err error) {
			if err != nil || n.Check() != nil {
				return
			}
			written := Format([]Network{n})
			if c, err := parseConf(string(written)); err != nil || len(c.networks) != 1 || len(c.global) != len(preamble) {
				t.Errorf("%v: %+v\n%s", err, c, written)
			}
			for line := range bytes.Lines(written) {
				if len(line) > 500 || bytes.ContainsFunc(line[:len(line)-1], func(r rune) bool { return r < ' ' && r != '\t' }) {
					t.Errorf("line %q", line)
				}
			}
		}
		p, err := NetworkManager(bytes.NewReader(text), wlan0, "/etc")
		check(p.Network, err)
		for _, name := range []string{"a.psk", "a.open", "a.8021x"} {
			list, err := IWD(name, bytes.NewReader(text))
			for _, n := range list {
				check(n, err)
			}
		}
	})
}
