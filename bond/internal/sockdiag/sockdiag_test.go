package sockdiag

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// message is struct inet_diag_msg of a socket that is connected from an address, port 0x1234, as a
// little-endian kernel sends it.
func message(t testing.TB, family string, address string) []byte {
	t.Helper()
	text := family + "010000" + "12340050" + address + strings.Repeat("00", 16) + "00000000" + "0100000002000000"
	b, err := hex.DecodeString(text + strings.Repeat("00", messageSize-len(text)/2))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const (
	inet  = "02"
	inet6 = "0a"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct{ name, family, address, want string }{
		{"ipv4", inet, "c0000207" + "000000000000000000000000", "192.0.2.7"},
		{"ipv4 by ipv6", inet6, "00000000000000000000ffffc0000207", "192.0.2.7"},
		{"ipv6", inet6, "20010db8000000000000000000000007", "2001:db8::7"},
	} {
		s, err := parse(message(t, tt.family, tt.address))
		if err != nil || s.local() != netip.MustParseAddr(tt.want) {
			t.Errorf("%s: %v, %v; want %s", tt.name, s.local(), err, tt.want)
		}
		again := request(s.family, unix.IPPROTO_TCP, s.id)
		if len(again) != requestSize || again[0] != s.family || socketID(again[requestSize-idSize:]) != s.id {
			t.Errorf("%s: the request is %x", tt.name, again)
		}
	}
}

func TestParseDamaged(t *testing.T) {
	whole := message(t, inet, strings.Repeat("00", 16))
	if _, err := parse(whole[:messageSize-1]); err == nil {
		t.Error("a message that was cut short was read")
	}
	whole[0] = unix.AF_UNIX
	if _, err := parse(whole); err == nil {
		t.Error("a socket of another family was read")
	}
}

// FuzzParse: whatever the kernel says, it is read or refused, and what is read asks for the same socket.
func FuzzParse(f *testing.F) {
	f.Add(message(f, inet, "c0000207"+"000000000000000000000000"))
	f.Add(message(f, inet6, "00000000000000000000ffffc0000207"))
	f.Add([]byte{unix.AF_INET})
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := parse(text)
		if err != nil {
			return
		}
		if a := s.local(); !a.IsValid() || a.Is4In6() {
			t.Errorf("%x: the address is %v", text, a)
		}
		if string(s.id[:]) != string(text[idPlace:idPlace+idSize]) {
			t.Errorf("%x: the socket is %x", text, s.id)
		}
	})
}
