package known

import (
	"encoding/hex"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/bondctl/bondctl/bond/keyfile"
)

// IWD reads a profile of iwd's (iwd.network(5)). The name of its file says what the
// network is called, and how it is secured. Of an open one there are two networks, for
// iwd takes enhanced open for the same.
func IWD(name string, r io.Reader) ([]Network, error) {
	n, err := iwdName(name)
	if err != nil {
		return nil, err
	}
	f, err := keyfile.Parse(r)
	if err != nil {
		return []Network{n}, err
	}
	if n.Hidden, err = boolOr(f.Group("Settings"), "Hidden", false); err != nil {
		return []Network{n}, err
	}
	auto, err := boolOr(f.Group("Settings"), "AutoConnect", true)
	if err != nil {
		return []Network{n}, err
	}
	n.Manual = !auto
	g := f.Group("Security")
	switch n.Security {
	case Open:
		encrypted := n
		encrypted.Security = OWE
		return []Network{n, encrypted}, nil
	case WPA:
		err = iwdKey(g, &n)
	default:
		err = iwdEAP(g, &n.EAP)
	}
	return []Network{n}, err
}

// iwdName takes the name of a file apart: NAME.psk, or =HEX.psk where the network's name
// has other bytes than letters, digits, spaces, "-" and "_".
func iwdName(file string) (Network, error) {
	ext := path.Ext(file)
	kind, ok := map[string]Security{".open": Open, ".psk": WPA, ".8021x": Enterprise}[ext]
	if !ok {
		return Network{}, errNotWiFi
	}
	name := strings.TrimSuffix(file, ext)
	n := Network{SSID: []byte(name), Security: kind}
	if digits, isHex := strings.CutPrefix(name, "="); isHex {
		ssid, err := hex.DecodeString(digits)
		if err != nil {
			return n, unfit("its name isn't = and hexadecimal digits")
		}
		n.SSID = ssid
	}
	if len(n.SSID) == 0 || len(n.SSID) > longestSSID {
		return n, unfit("its SSID hasn't 1 to 32 bytes")
	}
	return n, nil
}

func iwdKey(g keyfile.Group, n *Network) error {
	passphrase, key := g.Text("Passphrase"), g.Text("PreSharedKey")
	switch {
	case g.Text("EncryptedSecurity") != "":
		return unfit("its key is encrypted (SystemdEncrypt), for iwd alone")
	case passphrase != "":
		n.Key = Secret(passphrase)
	case key != "":
		n.Key = Secret(key)
	default:
		return unfit("there is no Passphrase in it")
	}
	return n.Check()
}

func iwdEAP(g keyfile.Group, e *EAP) error {
	if g.Text("EncryptedSecurity") != "" {
		return unfit("its secrets are encrypted (SystemdEncrypt), for iwd alone")
	}
	e.Method = strings.ToUpper(g.Text("EAP-Method"))
	e.Identity = g.Text("EAP-Identity")
	switch e.Method {
	case "PWD":
		e.Password = Secret(g.Text("EAP-Password"))
		if e.Password == "" {
			return unfit("there is no EAP-Password in it")
		}
		return nil
	case "TLS", "PEAP", "TTLS":
	default:
		return unfit(fmt.Sprintf("its EAP method is %q, and known here are PEAP, TTLS, TLS and PWD", e.Method))
	}
	prefix := "EAP-" + e.Method + "-"
	var err error
	if e.CACert, err = iwdPath(g, prefix+"CACert"); err != nil {
		return err
	}
	e.maskDomain(g.Text(prefix + "ServerDomainMask"))
	if e.Method == "TLS" {
		if e.ClientCert, err = iwdPath(g, prefix+"ClientCert"); err != nil {
			return err
		}
		if e.PrivateKey, err = iwdPath(g, prefix+"ClientKey"); err != nil {
			return err
		}
		if e.PrivateKey == "" {
			return unfit("there is no EAP-TLS-ClientKey in it")
		}
		e.PrivateKeyPasswd = Secret(g.Text(prefix + "ClientKeyPassphrase"))
		return nil
	}
	return iwdTunnel(g, prefix+"Phase2-", e)
}

// iwdTunnel reads who one is within a tunnel. Outside of it one has the other identity.
func iwdTunnel(g keyfile.Group, prefix string, e *EAP) error {
	e.AnonymousIdentity, e.Identity = e.Identity, g.Text(prefix+"Identity")
	e.Password = Secret(g.Text(prefix + "Password"))
	method := strings.ToUpper(g.Text(prefix + "Method"))
	inner, plain := strings.CutPrefix(method, "TUNNELED-")
	switch {
	case e.Password == "":
		return unfit(fmt.Sprintf("there is no %sPassword in it", prefix))
	case method == "" || inner == "TLS" || !isWord(inner):
		return unfit(fmt.Sprintf("its %sMethod is %q, which is not known here", prefix, method))
	case e.Method == "TTLS" && !plain:
		e.Phase2 = "autheap=" + inner
	default:
		e.Phase2 = "auth=" + inner
	}
	return nil
}

// maskDomain has the server's name be one of some domains. "*.example.org" is anything
// below example.org, and then a name without a star is taken as a suffix as well.
func (e *EAP) maskDomain(masks string) {
	if !strings.Contains(masks, "*") {
		e.DomainMatch = masks
		return
	}
	var suffixes []string
	for mask := range strings.SplitSeq(masks, ";") {
		suffixes = append(suffixes, strings.TrimPrefix(mask, "*."))
	}
	e.DomainSuffixMatch = strings.Join(suffixes, ";")
}

func iwdPath(g keyfile.Group, key string) (string, error) {
	file := g.Text(key)
	switch {
	case strings.HasPrefix(file, "embed:"):
		return "", unfit(fmt.Sprintf("its %s is in the profile itself, and not in a file of its own", key))
	case file != "" && !path.IsAbs(file):
		return "", unfit(fmt.Sprintf("its %s is %q, which is no whole path", key, file))
	}
	return file, nil
}
