package known

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"path"
	"strings"

	"github.com/bondctl/bondctl/bond/keyfile"
)

// An Interface is the one for which networks are wanted.
type Interface struct {
	Name string           // "" for whichever
	MAC  net.HardwareAddr // the permanent one; nil if it isn't known
}

// A Profile is what a program knows of a network.
type Profile struct {
	Network
	ID   string // as its user calls it, or its file
	UUID string // tells profiles of one network apart; "" where a program has none
}

// NetworkManager reads a profile of NetworkManager's (nm-settings-keyfile(5)). dir is the
// folder to which paths of certificates are relative. The profile has a name even where
// there is an error.
func NetworkManager(r io.Reader, of Interface, dir string) (Profile, error) {
	f, err := keyfile.Parse(r)
	if err != nil {
		return Profile{}, err
	}
	p := Profile{ID: f.Group("connection").Text("id"), UUID: f.Group("connection").Text("uuid")}
	m := manager{f, dir, f.Group("connection"), f.Group("wifi", "802-11-wireless"), f.Group("wifi-security", "802-11-wireless-security")}
	if err := m.fits(of); err != nil {
		return p, err
	}
	for _, read := range []func(*Network) error{m.network, m.security} {
		if err := read(&p.Network); err != nil {
			return p, err
		}
	}
	return p, nil
}

// manager is a profile of NetworkManager's that is being read.
type manager struct {
	file                      *keyfile.File
	dir                       string
	connection, wifi, secured keyfile.Group
}

// fits says whether a profile is for an interface.
func (m manager) fits(of Interface) error {
	switch m.connection.Text("type") {
	case "wifi", "802-11-wireless":
	default:
		return errNotWiFi
	}
	if name := m.connection.Text("interface-name"); name != "" && of.Name != "" && name != of.Name {
		return errOther
	}
	if text := m.wifi.Text("mac-address"); text != "" {
		mac, err := net.ParseMAC(text)
		if err != nil {
			return unfit(fmt.Sprintf("mac-address is %q", text))
		}
		if of.MAC != nil && !bytes.Equal(mac, of.MAC) {
			return errOther
		}
	}
	for _, e := range m.file.Group("match").Entries {
		if len(e.List()) > 0 {
			return unfit("it is for what its [match] describes, which is not understood here")
		}
	}
	return nil
}

func (m manager) network(n *Network) (err error) {
	ssid, _ := m.wifi.Find("ssid")
	n.SSID = ssid.Bytes()
	if len(n.SSID) == 0 || len(n.SSID) > longestSSID {
		return unfit("its SSID hasn't 1 to 32 bytes")
	}
	if mode := m.wifi.Text("mode"); mode != "" && mode != "infrastructure" {
		return unfit(fmt.Sprintf("its mode is %q, and a member joins access points alone", mode))
	}
	if text := m.wifi.Text("bssid"); text != "" {
		if n.BSSID, err = net.ParseMAC(text); err != nil || len(n.BSSID) != 6 {
			return unfit(fmt.Sprintf("bssid is %q", text))
		}
	}
	if n.Hidden, err = boolOr(m.wifi, "hidden", false); err != nil {
		return err
	}
	auto, err := boolOr(m.connection, "autoconnect", true)
	if err != nil {
		return err
	}
	n.Manual = !auto
	n.Priority, err = intOf(m.connection, "autoconnect-priority")
	return err
}

// longestSSID is in bytes.
const longestSSID = 32

// What may be said of PMF, the protection of management frames.
const (
	pmfDisable  = 1
	pmfRequired = 3
)

func (m manager) security(n *Network) error {
	if m.secured.Line == 0 {
		n.Security = Open
		return nil
	}
	pmf, err := intOf(m.secured, "pmf")
	if err != nil {
		return err
	}
	n.NoPMF, n.RequirePMF = pmf == pmfDisable, pmf == pmfRequired
	switch management := m.secured.Text("key-mgmt"); management {
	case "none", "ieee8021x":
		return unfit("it is secured by WEP or LEAP, which protect nothing, and which wpa_supplicant has given up")
	case "owe":
		n.Security = OWE
		return nil
	case "wpa-psk", "sae":
		n.Security = Security(management)
		return m.key(n)
	case "wpa-eap", "wpa-eap-suite-b-192":
		n.Security = Security(management)
		return m.eap(&n.EAP)
	default:
		return unfit(fmt.Sprintf("its key-mgmt is %q, which is not known here", management))
	}
}

func (m manager) key(n *Network) error {
	if err := m.owned(m.secured, "psk"); err != nil {
		return err
	}
	n.Key = Secret(m.secured.Text("psk"))
	return n.Check()
}

// owned says whether a secret is in the file, as it should be. If its flags are 1, an
// agent of the user's session has it, if 2 it is asked for each time, and if 4 there need
// be none.
func (m manager) owned(g keyfile.Group, key string) error {
	flags, err := intOf(g, key+"-flags")
	switch {
	case err != nil:
		return err
	case flags&1 != 0:
		return unfit(fmt.Sprintf("the keyring of a user has its %s (%s-flags=%d)", key, key, flags))
	case flags&2 != 0:
		return unfit(fmt.Sprintf("its %s is asked for each time, and kept nowhere (%s-flags=%d)", key, key, flags))
	case flags&4 == 0 && g.Text(key) == "":
		return unfit(fmt.Sprintf("there is no %s in it", key))
	}
	return nil
}

// path is a file that a profile names; "" for none.
func (m manager) path(g keyfile.Group, key string) (string, error) {
	e, ok := g.Find(key)
	if !ok {
		return "", nil
	}
	text := strings.TrimSuffix(string(e.Bytes()), "\x00")
	file, scheme := strings.CutPrefix(text, "file://")
	switch {
	case text == "":
		return "", nil
	case strings.HasPrefix(text, "pkcs11:"):
		return "", unfit(fmt.Sprintf("its %s is on a smart card (PKCS#11)", key))
	case strings.HasPrefix(text, "data:"), !scheme && !plainPath(text):
		return "", unfit(fmt.Sprintf("its %s is in the profile itself, and not in a file of its own", key))
	case !path.IsAbs(file):
		file = path.Join(m.dir, file)
	}
	return file, nil
}

// plainPath tells a path from the contents of a certificate.
func plainPath(text string) bool {
	control := func(r rune) bool { return r < ' ' || r == 0x7f }
	return len(text) <= longestValue && !strings.ContainsFunc(text, control)
}

func boolOr(g keyfile.Group, key string, otherwise bool) (bool, error) {
	e, ok := g.Find(key)
	if !ok || e.Raw == "" {
		return otherwise, nil
	}
	return e.Bool()
}

// intOf is 0 without the key.
func intOf(g keyfile.Group, key string) (int, error) {
	e, ok := g.Find(key)
	if !ok || e.Raw == "" {
		return 0, nil
	}
	return e.Int()
}
