// Package known finds the Wi-Fi networks that NetworkManager and iwd know, and writes
// them down for wpa_supplicant, so that a member of a bond goes on to join them:
//
//	networks, missing, err := known.Find(known.Interface{Name: "wlan0"})
//	err = known.Write(ctx, "/etc/bondctl/wlan0.wpa.conf", networks)
//
// [NetworkManager] and [IWD] read one profile each, and [Format] and [Merge] make the
// text: none of them touches a file. Find reads what root alone could have written, and
// Write replaces a file as a whole.
//
// What wpa_supplicant can't be given, such as a key that is in a user's keyring, is
// returned with the reason, and the network is left out. Nothing that a profile names is
// opened or run: certificates go over by their paths.
//
// # MAC addresses
//
// A member of a bond has the MAC address that the bond's fail_over_mac asks for. So no
// network is written with an address of its own or a random one, whatever its profile
// says: the link would look up and carry nothing.
package known

import "net"

// A Network is what it takes to join a Wi-Fi network.
type Network struct {
	SSID     []byte // of up to 32 bytes, of any kind
	Security Security
	Key      Secret // of WPA and SAE: a passphrase, or for WPA the 64 hexadecimal digits of a key
	EAP      EAP    // of Enterprise and Enterprise192
	// BSSID is the only access point that may be joined; nil for any.
	BSSID    net.HardwareAddr
	Hidden   bool // it doesn't tell its name, and must be asked for by it
	Priority int  // the higher, the sooner
	Manual   bool // it isn't joined by itself
	// NoPMF says that management frames aren't to be protected, which old access
	// points can't bear, and RequirePMF that they must be.
	NoPMF, RequirePMF bool
	// Source is the file in which it was found.
	Source string
}

// Security is how a network lets somebody in.
type Security string

// The kinds of security.
const (
	Open          Security = "open"
	OWE           Security = "owe"                 // enhanced open: encrypted, without a key
	WPA           Security = "wpa-psk"             // WPA2 personal, and WPA3 where a network has both
	SAE           Security = "sae"                 // WPA3 personal alone
	Enterprise    Security = "wpa-eap"             // 802.1X
	Enterprise192 Security = "wpa-eap-suite-b-192" // WPA3 Enterprise with 192 bits
)

// EAP is who one is to an 802.1X network, and how the network proves who it is. The
// fields are those of wpa_supplicant.conf(5).
type EAP struct {
	Method            string // PEAP, TTLS, TLS or PWD
	Identity          string
	AnonymousIdentity string
	Password          Secret
	CACert, CAPath    string // whole paths
	SubjectMatch      string
	AltSubjectMatch   string
	DomainSuffixMatch string
	DomainMatch       string
	Phase1, Phase2    string
	ClientCert        string
	PrivateKey        string
	PrivateKeyPasswd  Secret
}

// A Secret isn't shown when something that has it is printed.
type Secret string

// String is the same for each secret.
func (Secret) String() string { return "(secret)" }

// GoString is the same for each secret.
func (Secret) GoString() string { return "(secret)" }

// Missing is a profile of which wpa_supplicant isn't told.
type Missing struct {
	Name   string // of the network, or of the file; it may be of any bytes
	Source string // the file
	Reason string
}

// unfit is why a profile can't be carried over.
type unfit string

func (e unfit) Error() string { return string(e) }

// errNotWiFi and errOther say that a profile is none of Wi-Fi, or of another interface:
// nobody misses it.
const (
	errNotWiFi unfit = "it is no profile of a Wi-Fi network"
	errOther   unfit = "it is another interface's"
)
