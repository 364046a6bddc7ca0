package supplicant

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"syscall"
)

// story is what the events of one process have told so far.
type story struct {
	wired     bool   // it is about 802.1X at a port
	connected string // to what, as a Connected event says it; "" is not
	// held has the networks that wpa_supplicant leaves alone for a while, after
	// they failed. Meanwhile others that can't be found are no news.
	held map[string]bool
	said string // the trouble that was told last, since it was not connected
	vain bool   // the trouble only says that it didn't work, or that nothing is there
	// rejected says that an access point has refused the proof of a passphrase (SAE).
	rejected bool
}

// look tells what the answer to STATUS says.
func (s *story) look(status map[string]string) (Event, bool) {
	e, news := s.connect(status)
	switch state := status["Supplicant PAE state"]; {
	case news || !s.wired:
	case state == "HELD":
		return s.trouble(portRefuses, false)
	case state == "AUTHENTICATING" || state == "RESTART":
		return s.trouble(portWaits, true)
	}
	return e, news
}

// What is wrong with a port where somebody asks who one is. Where nobody does, it is open
// to everybody, and nothing is wrong.
const (
	portWaits   = "the port isn't authenticated yet (802.1X)"
	portRefuses = "the port refuses the identity or its secret (802.1X)"
)

// connect tells of a connection, unless it is known.
func (s *story) connect(status map[string]string) (Event, bool) {
	if status["wpa_state"] != "COMPLETED" {
		return Event{}, false
	}
	to := "network " + ssid(status["ssid"])
	if bssid := status["bssid"]; bssid != "" {
		to += ", access point " + printable(bssid)
	}
	if s.wired {
		to = "its port (802.1X)"
	}
	if to == s.connected {
		return Event{}, false
	}
	*s = story{wired: s.wired, connected: to}
	return Event{Kind: Connected, Reason: to}, true
}

// hear tells what is new about a message.
func (s *story) hear(m message) (Event, bool) {
	if s.wired {
		return s.hearPort(m)
	}
	switch m.name {
	case "CTRL-EVENT-DISCONNECTED":
		return s.disconnect(m)
	case "CTRL-EVENT-SSID-TEMP-DISABLED":
		return s.hold(m)
	case "CTRL-EVENT-SSID-REENABLED":
		delete(s.held, m.fields["id"])
	case "CTRL-EVENT-NETWORK-REMOVED":
		return s.forget(m.bare)
	case "CTRL-EVENT-NETWORK-NOT-FOUND":
		if len(s.held) == 0 {
			return s.trouble(noneInRange, true)
		}
	case "CTRL-EVENT-AUTH-REJECT":
		s.rejected = m.fields["auth_type"] == sae
		return s.trouble(refusal("authentication", m), false)
	case "CTRL-EVENT-ASSOC-REJECT":
		return s.trouble(refusal("association", m), false)
	case "CTRL-EVENT-EAP-TLS-CERT-ERROR":
		return s.certificate(m)
	case "CTRL-EVENT-SCAN-FAILED":
		return s.scanFailed(m)
	}
	return Event{}, false
}

const noneInRange = "no network of the configuration is in range"

// forget has a network that failed be no trouble any more, as there is none.
func (s *story) forget(id string) (Event, bool) {
	if !s.held[id] {
		return Event{}, false
	}
	if delete(s.held, id); len(s.held) > 0 {
		return Event{}, false
	}
	return s.trouble(noneInRange, true)
}

// hearPort is hear for a wired interface.
func (s *story) hearPort(m message) (Event, bool) {
	switch m.name {
	case "CTRL-EVENT-EAP-STARTED":
		if s.said == "" {
			return s.trouble(portWaits, true)
		}
	case "CTRL-EVENT-EAP-FAILURE":
		*s = story{wired: true, said: s.said}
		if s.said == "" || s.said == portWaits { // or it was said why
			return s.trouble(portRefuses, false)
		}
	case "CTRL-EVENT-EAP-TLS-CERT-ERROR":
		return s.certificate(m)
	}
	return Event{}, false
}

// certificate tells what is wrong with a server's certificate.
func (s *story) certificate(m message) (Event, bool) {
	return s.trouble(fmt.Sprintf("the certificate of the network's server isn't accepted: %q", m.fields["err"]), false)
}

func (s *story) disconnect(m message) (Event, bool) {
	if s.connected == "" {
		return Event{}, false
	}
	from := s.connected
	*s = story{wired: s.wired}
	return Event{Kind: Disconnected, Reason: fmt.Sprintf("%s: %s", from, leaving(m.fields))}, true
}

// hold tells why a network is left alone for a while.
func (s *story) hold(m message) (Event, bool) {
	if s.held == nil {
		s.held = make(map[string]bool)
	}
	s.held[m.fields["id"]] = true
	name := ssid(m.fields["ssid"])
	// An access point doesn't say that the key is wrong. It goes silent in the
	// 4-way handshake, or ends it.
	switch m.fields["reason"] {
	case "WRONG_KEY":
		return s.trouble("wrong passphrase for network "+name, false)
	case "AUTH_FAILED":
		return s.trouble("network "+name+" refuses the identity or its password", true)
	}
	return s.trouble("network "+name+" can't be joined: it fails each time", true)
}

// trouble tells what is wrong, once. What says little doesn't take the place of
// what says more: wpa_supplicant tells first why and then that it failed. Only
// that no network is there any more is always news.
func (s *story) trouble(reason string, vain bool) (Event, bool) {
	gone := vain && len(s.held) == 0
	if s.connected != "" || reason == s.said || vain && !gone && s.said != "" && !s.vain {
		return Event{}, false
	}
	s.said, s.vain = reason, vain
	return Event{Kind: Trouble, Reason: reason}, true
}

// sae is WPA3's proof of the passphrase, among the algorithms of authentication.
const sae = "3"

// refusal says what an access point refuses. The code is a status code of IEEE
// 802.11, section 9.4.1.9.
func refusal(what string, m message) string {
	code := m.fields["status_code"]
	text := fmt.Sprintf("access point %s refuses the %s (status code %s)",
		cmp.Or(m.fields["bssid"], m.bare, "?"), what, cmp.Or(code, "?"))
	switch {
	case m.fields["auth_type"] == sae:
		text += ": the passphrase may be wrong"
	case code == "17":
		text += ": it has too many stations"
	}
	return printable(text)
}

// scanFailed tells why there can be no scan. EBUSY is none: it is soon over.
func (s *story) scanFailed(m message) (Event, bool) {
	code, err := strconv.Atoi(m.fields["ret"])
	if err != nil || code >= 0 || syscall.Errno(-code) == syscall.EBUSY {
		return Event{}, false
	}
	return s.trouble("no scan is possible: "+syscall.Errno(-code).Error(), false)
}

// reasons are the reason codes of IEEE 802.11, section 9.4.1.7, that are met in
// everyday life.
var reasons = map[string]string{
	"0":  "the access point is gone",
	"2":  "the authentication is no longer valid",
	"3":  "the access point sent it away",
	"4":  "the access point is silent",
	"5":  "the access point has too many stations",
	"6":  "the access point doesn't know it any more",
	"7":  "the access point doesn't know it any more",
	"8":  "the access point is leaving",
	"15": "the keys couldn't be renewed",
	"16": "the keys couldn't be renewed",
}

// leaving says why a connection has ended.
func leaving(fields map[string]string) string {
	code := cmp.Or(fields["reason"], "?")
	text := reasons[code]
	if own := fields["locally_generated"] == "1"; own && code == "3" {
		text = "given up on this side"
	}
	return printable(strings.TrimPrefix(text+" (reason code "+code+")", " "))
}
