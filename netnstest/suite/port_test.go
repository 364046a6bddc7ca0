package suite

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
)

// TestPort: a wired member authenticates at its port (802.1X), by the wpa_conf that it has,
// while it is enslaved, again when it comes back, and again when its cable does. What is
// wrong is said.
func TestPort(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	port := h.Cable("eth0")
	h.Cable("eth1")
	hostapd := authenticator(t, h.LAN(), "me", "secret")
	file, conf := filepath.Join(t.TempDir(), "port.toml"), filepath.Join(t.TempDir(), "wpa.conf")
	secret := func(password string) {
		writeFile(t, conf, fmt.Sprintf("ap_scan=0\nnetwork={\n\tkey_mgmt=IEEE8021X\n\teap=MD5\n\tidentity=\"me\"\n\tpassword=%q\n\teapol_flags=0\n}\n", password))
	}
	secret("wrong")
	writeFile(t, file, fmt.Sprintf("primary = \"eth0\"\n[[member]]\nname = \"eth0\"\nwpa_conf = %q\n[[member]]\nname = \"eth1\"\n[ipv4]\nmethod = \"none\"\n", conf))
	succeeds(t, h, "up", "--config", file)
	t.Cleanup(func() { bondctl(t, h, "down") })
	netnstest.Eventually(t, healthSays(t, h, "eth0: the port refuses the identity or its secret (802.1X)"))
	fails(t, h, 1, []string{"has no Wi-Fi member"}, "wifi", "list")
	// Till then hostapd has no ear for another try, and wpa_supplicant's next one is half a minute away.
	netnstest.Eventually(t, wrote(hostapd, "deauthenticated due to local deauth request"))

	secret("secret")
	succeeds(t, h, "up", "--config", file)
	netnstest.Eventually(t, noTrouble(t, h))
	for _, again := range []func(){
		func() { port.Remove(); port.Insert() },
		func() { port.Pull(); netnstest.Eventually(t, active(h, "eth1")); port.Plug() },
	} {
		successes := strings.Count(hostapd.Output(), authenticated)
		again()
		netnstest.Eventually(t, func() error {
			if strings.Count(hostapd.Output(), authenticated) == successes {
				return fmt.Errorf("nobody authenticates again:\n%s", hostapd.Output())
			}
			return nil
		})
		netnstest.Eventually(t, noTrouble(t, h))
		netnstest.Eventually(t, active(h, "eth0"))
	}
}

// authenticated is what hostapd says when somebody has proved who they are.
const authenticated = "CTRL-EVENT-EAP-SUCCESS "

// authenticator has somebody ask at each port of a LAN who one is, and believe a secret.
// It blocks nothing, as a switch would.
func authenticator(t *testing.T, lan *netnstest.LAN, identity, secret string) *netnstest.Process {
	t.Helper()
	dir := t.TempDir()
	users, conf := filepath.Join(dir, "users"), filepath.Join(dir, "hostapd.conf")
	writeFile(t, users, fmt.Sprintf("%q MD5 %q\n", identity, secret))
	writeFile(t, conf, "interface=lan\ndriver=wired\nieee8021x=1\nuse_pae_group_addr=1\neap_server=1\neap_reauth_period=0\neap_user_file="+users+"\n")
	// A switch would keep such frames to itself; this one is to hand them to its own end.
	if err := os.WriteFile(filepath.Join(lan.Sys(), "class", "net", "lan", "bridge", "group_fwd_mask"), []byte("8"), 0o644); err != nil {
		t.Fatal(err)
	}
	p := lan.Start("hostapd", conf)
	netnstest.Eventually(t, wrote(p, "AP-ENABLED"))
	return p
}
