package netnstest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// An excerpt of Debian's modules.dep for 6.1.
const modulesDep = `kernel/fs/overlayfs/overlay.ko:
kernel/fs/9p/9p.ko: kernel/net/9p/9pnet.ko kernel/fs/fscache/fscache.ko kernel/fs/netfs/netfs.ko
kernel/drivers/usb/host/xhci-pci.ko.xz: kernel/drivers/usb/host/xhci-hcd.ko.xz
`

func TestModuleDeps(t *testing.T) {
	got, err := moduleDeps(strings.NewReader(modulesDep))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{
		"overlay":  {"kernel/fs/overlayfs/overlay.ko"},
		"9p":       {"kernel/fs/9p/9p.ko", "kernel/net/9p/9pnet.ko", "kernel/fs/fscache/fscache.ko", "kernel/fs/netfs/netfs.ko"},
		"xhci_pci": {"kernel/drivers/usb/host/xhci-pci.ko.xz", "kernel/drivers/usb/host/xhci-hcd.ko.xz"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBzImagePayload(t *testing.T) {
	// The smallest image there can be: a set-up of one sector after the first, and the payload.
	image := make([]byte, 2*512)
	image[0x1f1] = 1
	copy(image[0x202:], "HdrS")
	image[0x24c] = byte(len("payloadSIZE"))
	for _, test := range []struct {
		name  string
		image []byte
		want  string
		fails bool
	}{
		{name: "whole", image: append(image[:1024:1024], "payloadSIZE"...), want: "payload"},
		{name: "cut off", image: append(image[:1024:1024], "pay"...), fails: true},
		{name: "short", image: image[:0x202], fails: true},
		{name: "not a kernel", image: make([]byte, 2048), fails: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := bzImagePayload(test.image)
			if (err != nil) != test.fails || string(got) != test.want {
				t.Errorf("%q, %v, want %q", got, err, test.want)
			}
		})
	}
}

func TestShellQuote(t *testing.T) {
	for s, want := range map[string]string{
		"":           "''",
		"/tmp/a b":   "'/tmp/a b'",
		"it's $HOME": `'it'\''s $HOME'`,
	} {
		if got := shellQuote(s); got != want {
			t.Errorf("%s: %s, want %s", s, got, want)
		}
	}
}

func TestMACOf(t *testing.T) {
	a, b := macOf("host", "eth0"), macOf("host", "eth1")
	if a.String() == b.String() || a.String() != macOf("host", "eth0").String() {
		t.Errorf("MACs %s and %s", a, b)
	}
	if a[0]&3 != 2 {
		t.Errorf("%s isn't locally administered and unicast", a)
	}
}

func TestRequestedChanges(t *testing.T) {
	for _, test := range []struct {
		name   string
		packet []byte
		want   []Change
	}{
		{"nothing", nil, nil},
		// Length, type, flags, sequence number and port, as on a little-endian machine.
		{"two requests", []byte{
			17, 0, 0, 0, 16, 0, 1, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0xff, 0, 0, 0,
			16, 0, 0, 0, 21, 0, 5, 0, 1, 0, 0, 0, 2, 0, 0, 0,
		}, []Change{16, 21}},
		{"a question", []byte{16, 0, 0, 0, 18, 0, 1, 3, 1, 0, 0, 0, 2, 0, 0, 0}, nil},
		{"a notification", []byte{16, 0, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0}, nil},
		{"no length", make([]byte, 40), nil},
		{"too long", []byte{0xff, 0xff, 0xff, 0xff, 16, 0, 1, 0, 1, 0, 0, 0, 2, 0, 0, 0}, []Change{16}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, requestedChanges(test.packet)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestReleaseAtLeast(t *testing.T) {
	for _, test := range []struct {
		release      string
		major, minor int
		want         bool
	}{
		{"6.1.0-43-amd64", 6, 0, true},
		{"6.1.0-43-amd64", 6, 1, true},
		{"6.1.0-43-amd64", 6, 12, false},
		{"5.10.0-46-amd64", 5, 17, false},
		{"6.12.117+deb13-amd64", 5, 17, true},
		{"7.0-rc1", 6, 12, true},
		{"unknown", 1, 0, false},
	} {
		if got := releaseAtLeast(test.release, test.major, test.minor); got != test.want {
			t.Errorf("%s at least %d.%d: %t", test.release, test.major, test.minor, got)
		}
	}
}
