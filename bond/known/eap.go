package known

import (
	"fmt"
	"strings"

	"github.com/bondctl/bondctl/bond/keyfile"
)

// systemCAs is where Debian and others have the certificates of public authorities.
const systemCAs = "/etc/ssl/certs"

// eap reads what a profile says of 802.1X.
func (m manager) eap(e *EAP) error {
	g := m.file.Group("802-1x")
	methods, _ := g.Find("eap")
	method := ""
	if list := methods.List(); len(list) > 0 {
		method = strings.ToUpper(list[0]) // NetworkManager uses the first one, too
	}
	e.Method = method
	switch method {
	case "PEAP", "TTLS", "TLS", "PWD":
	default:
		return unfit(fmt.Sprintf("its EAP method is %q, and known here are PEAP, TTLS, TLS and PWD", method))
	}
	e.Identity, e.AnonymousIdentity = g.Text("identity"), g.Text("anonymous-identity")
	e.SubjectMatch, e.DomainSuffixMatch, e.DomainMatch = g.Text("subject-match"), g.Text("domain-suffix-match"), g.Text("domain-match")
	if alternatives, ok := g.Find("altsubject-matches"); ok {
		e.AltSubjectMatch = strings.Join(alternatives.List(), ";")
	}
	if err := m.authorities(g, e); err != nil {
		return err
	}
	if method == "TLS" {
		return m.certificate(g, e)
	}
	if err := phases(g, e); err != nil {
		return err
	}
	if raw, ok := g.Find("password-raw"); ok && g.Text("password") == "" {
		e.Password = Secret(raw.Bytes())
		return m.owned(g, "password-raw")
	}
	e.Password = Secret(g.Text("password"))
	return m.owned(g, "password")
}

// authorities reads who vouches for the network's server.
func (m manager) authorities(g keyfile.Group, e *EAP) (err error) {
	if e.CACert, err = m.path(g, "ca-cert"); err != nil {
		return err
	}
	e.CAPath = g.Text("ca-path")
	system, err := boolOr(g, "system-ca-certs", false)
	if system {
		e.CACert, e.CAPath = "", systemCAs
	}
	return err
}

// certificate reads who one is by a certificate. A key in PKCS#12 has the certificate
// with it, and then both are the same file.
func (m manager) certificate(g keyfile.Group, e *EAP) (err error) {
	if e.PrivateKey, err = m.path(g, "private-key"); err != nil {
		return err
	}
	if e.ClientCert, err = m.path(g, "client-cert"); err != nil {
		return err
	}
	if e.PrivateKey == "" {
		return unfit("there is no private-key in it")
	}
	if e.ClientCert == e.PrivateKey && (strings.HasSuffix(e.PrivateKey, ".p12") || strings.HasSuffix(e.PrivateKey, ".pfx")) {
		e.ClientCert = ""
	}
	flags, err := intOf(g, "private-key-password-flags")
	if err != nil || flags&4 != 0 || flags == 0 && g.Text("private-key-password") == "" {
		return err // a key may be without a password
	}
	e.PrivateKeyPasswd = Secret(g.Text("private-key-password"))
	return m.owned(g, "private-key-password")
}

// phases reads how a tunnel is made, and who one is within it.
func phases(g keyfile.Group, e *EAP) error {
	var outer []string
	for key, name := range map[string]string{"phase1-peapver": "peapver", "phase1-peaplabel": "peaplabel"} {
		if text := g.Text(key); text == "0" || text == "1" {
			outer = append(outer, name+"="+text)
		} else if text != "" {
			return unfit(fmt.Sprintf("its %s is %q", key, text))
		}
	}
	flags, err := intOf(g, "phase1-auth-flags")
	if err != nil {
		return err
	}
	for i, name := range []string{
		"tls_disable_tlsv1_0=1", "tls_disable_tlsv1_1=1", "tls_disable_tlsv1_2=1", "tls_disable_time_checks=1", "tls_disable_tlsv1_3=1",
		"tls_disable_tlsv1_0=0", "tls_disable_tlsv1_1=0", "tls_disable_tlsv1_2=0", "tls_disable_tlsv1_3=0",
	} {
		if flags&(1<<i) != 0 {
			outer = append(outer, name)
		}
	}
	e.Phase1 = strings.Join(outer, " ")
	auth, autheap := strings.ToUpper(g.Text("phase2-auth")), strings.ToUpper(g.Text("phase2-autheap"))
	switch {
	case auth == "TLS" || autheap == "TLS":
		return unfit("it has a certificate within a tunnel (phase 2 is TLS), which is not known here")
	case !isWord(auth) || !isWord(autheap):
		return unfit("its phase 2 is none that is known here")
	case autheap != "":
		e.Phase2 = "autheap=" + autheap
	case auth != "":
		e.Phase2 = "auth=" + auth
	}
	return nil
}

func isWord(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' })
}
