package sysfs

import (
	"bytes"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// seed adds the contents of every fixture that is called one of names.
func seed(f *testing.F, names ...string) {
	f.Helper()

	found := 0
	err := filepath.WalkDir("testdata", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || !slices.Contains(names, d.Name()) {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		found++
		f.Add(bytes.TrimRight(b, "\n"))

		return nil
	})
	if err != nil {
		f.Fatalf("walk fixtures: %v", err)
	}
	if found == 0 {
		f.Fatalf("no fixture is called %v", names)
	}
}

// blanks are what separates words.
const blanks = " \t\n"

func FuzzParseWord(f *testing.F) {
	seed(f, "mode", "primary", "primary_reselect", "xmit_hash_policy", "operstate")
	f.Fuzz(func(t *testing.T, b []byte) {
		w, err := parseWord(b)
		if err != nil {
			if len(bytes.Trim(b, blanks)) != 0 {
				t.Errorf("%q: %v", b, err)
			}
			return
		}
		if w == "" || strings.ContainsAny(w, blanks) {
			t.Errorf("%q: no word: %q", b, w)
		}
		if again, err := parseWord([]byte(w)); again != w || err != nil {
			t.Errorf("%q: %q becomes %q, %v", b, w, again, err)
		}
	})
}

func FuzzParseLine(f *testing.F) {
	seed(f, "mii_status")
	f.Fuzz(func(t *testing.T, b []byte) {
		if l, err := parseLine(b); err == nil && (strings.Contains(l, "\n") || l != string(b)) {
			t.Errorf("%q: no line: %q", b, l)
		}
	})
}

func FuzzParseInt(f *testing.F) {
	seed(f, "miimon", "ifindex", "mtu", "speed", "link_failure_count")
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := parseInt(b)
		if err != nil {
			return
		}
		if again, err := parseInt([]byte(strconv.Itoa(n))); again != n || err != nil {
			t.Errorf("%q: %d becomes %d, %v", b, n, again, err)
		}
		if speed, err := parseSpeed(b); err != nil || speed != nil && (*speed != n || n < 0) {
			t.Errorf("%q: speed %v of %d, %v", b, speed, n, err)
		}
	})
}

func FuzzParseFlags(f *testing.F) {
	seed(f, "flags")
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := parseFlags(b)
		if err != nil {
			return
		}
		if again, err := parseFlags([]byte("0x" + strconv.FormatUint(uint64(n), 16))); again != n || err != nil {
			t.Errorf("%q: %#x becomes %#x, %v", b, n, again, err)
		}
	})
}

func FuzzParseHardwareAddr(f *testing.F) {
	seed(f, "address", "perm_hwaddr", "ad_actor_system")
	f.Fuzz(func(t *testing.T, b []byte) {
		addr, err := parseHardwareAddr(b)
		if err != nil {
			return
		}
		if !strings.EqualFold(addr.String(), string(b)) {
			t.Errorf("%q becomes %q", b, addr)
		}
	})
}

func FuzzParseAddrs(f *testing.F) {
	seed(f, "arp_ip_target")
	f.Fuzz(func(t *testing.T, b []byte) {
		addrs, err := parseAddrs(b)
		if err != nil {
			return
		}
		var text []string
		for _, a := range addrs {
			if !a.IsValid() {
				t.Errorf("%q: invalid address", b)
			}
			text = append(text, a.String())
		}
		again, err := parseAddrs([]byte(strings.Join(text, " ")))
		if err != nil || !slices.EqualFunc(again, addrs, func(a, b netip.Addr) bool { return a == b }) {
			t.Errorf("%q: %v becomes %v, %v", b, addrs, again, err)
		}
	})
}

func FuzzParseNames(f *testing.F) {
	seed(f, "slaves", "bonding_masters", "queue_id")
	f.Fuzz(func(t *testing.T, b []byte) {
		names, err := parseNames(b)
		if err != nil {
			if !errors.Is(err, errTruncated) {
				t.Errorf("%q: %v", b, err)
			}
			return
		}
		for _, name := range names {
			if name == "" || strings.ContainsAny(name, blanks) {
				t.Errorf("%q: no name: %q", b, name)
			}
		}
		if again, err := parseNames([]byte(strings.Join(names, " "))); err != nil || !slices.Equal(again, names) {
			t.Errorf("%q: %q becomes %q, %v", b, names, again, err)
		}
	})
}

func FuzzParseQueueIDs(f *testing.F) {
	seed(f, "queue_id")
	f.Fuzz(func(t *testing.T, b []byte) {
		ids, err := parseQueueIDs(b)
		if err != nil {
			return
		}
		for name, id := range ids {
			if strings.ContainsAny(name, blanks+":") || id < 0 || id > 65535 {
				t.Errorf("%q: queue %d of %q", b, id, name)
			}
		}
	})
}

func FuzzParseUevent(f *testing.F) {
	seed(f, "uevent")
	f.Fuzz(func(t *testing.T, b []byte) {
		u, err := parseUevent(b)
		if err != nil {
			t.Errorf("%q: %v", b, err)
		}
		if strings.Contains(u.name+u.devType, "\n") {
			t.Errorf("%q: more than one line: %+v", b, u)
		}
	})
}
