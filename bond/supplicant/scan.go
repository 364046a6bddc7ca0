package supplicant

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// An AccessPoint is one that is in range.
type AccessPoint struct {
	SSID      []byte // empty where it doesn't tell
	BSSID     net.HardwareAddr
	Frequency int  // MHz
	Signal    int  // dBm
	PSK       bool // a passphrase of WPA or WPA2
	SAE       bool // a passphrase of WPA3
	EAP       bool // 802.1X
	OWE       bool // encrypted, without a key
	WEP       bool
}

// Open says whether it lets everybody in, be it encrypted or not.
func (a AccessPoint) Open() bool { return !a.PSK && !a.SAE && !a.EAP && !a.WEP }

// Security says in a word how it lets somebody in.
func (a AccessPoint) Security() string {
	switch {
	case a.PSK && a.SAE:
		return "wpa2/wpa3"
	case a.SAE:
		return "wpa3"
	case a.PSK:
		return "wpa2"
	case a.EAP:
		return "802.1x"
	case a.OWE:
		return "owe"
	case a.WEP:
		return "wep"
	}
	return "open"
}

// scanPause is between two tries to scan while another scan is under way.
const scanPause = time.Second

// Scan has the interface look for access points, and returns those in range. A link over
// the interface is quiet meanwhile for some moments.
func (c Client) Scan(ctx context.Context) ([]AccessPoint, error) {
	m, err := c.listen(ctx)
	if err != nil {
		return nil, err
	}
	defer m.close()
	done := make(chan struct{})
	defer close(done)
	messages := m.messages(done)
	for {
		answer, err := c.command(ctx, "SCAN TYPE=ONLY")
		if err != nil {
			return nil, err
		}
		if !strings.HasPrefix(answer, "OK") && !strings.HasPrefix(answer, "FAIL-BUSY") {
			return nil, fmt.Errorf("wpa_supplicant refuses to scan with %s", c.Interface)
		}
		again, err := c.scanned(ctx, messages)
		if err != nil {
			return nil, err
		}
		if !again {
			return c.accessPoints(ctx)
		}
	}
}

// scanned waits until there are results; again says that the driver was busy.
func (c Client) scanned(ctx context.Context, messages <-chan string) (again bool, err error) {
	for {
		select {
		case <-ctx.Done():
			return false, fmt.Errorf("scan with %s: %w", c.Interface, ctx.Err())
		case text := <-messages:
			e, _ := parse(text, c.Interface)
			switch e.name {
			case "CTRL-EVENT-SCAN-RESULTS":
				return false, nil
			case "CTRL-EVENT-SCAN-FAILED":
				code, err := strconv.Atoi(e.fields["ret"])
				if why := syscall.Errno(-code); err == nil && why != syscall.EBUSY {
					return false, fmt.Errorf("scan with %s: %w", c.Interface, why)
				}
				select {
				case <-time.After(scanPause):
				case <-ctx.Done():
				}
				return true, nil
			}
		}
	}
}

// scanFields are the lines of an access point that are asked for: id, bssid, freq, level,
// flags and ssid (WPA_BSS_MASK_... in src/common/wpa_ctrl.h).
const scanFields = 1<<0 | 1<<1 | 1<<2 | 1<<7 | 1<<11 | 1<<12

// mostAccessPoints bounds the answers of one that repeats itself.
const mostAccessPoints = 4096

// accessPoints are those of which wpa_supplicant has heard lately.
func (c Client) accessPoints(ctx context.Context) (all []AccessPoint, err error) {
	which := "FIRST"
	for len(all) < mostAccessPoints {
		answer, err := c.command(ctx, "BSS %s MASK=0x%x", which, scanFields)
		if err != nil {
			return nil, err
		}
		fields := status(answer)
		id, err := strconv.Atoi(fields["id"])
		if err != nil {
			return all, nil // that was the last one
		}
		if a, err := accessPoint(fields); err == nil {
			all = append(all, a)
		}
		which = "NEXT-" + strconv.Itoa(id)
	}
	return nil, errors.New("wpa_supplicant lists access points without an end")
}

// accessPoint reads an answer to BSS.
func accessPoint(fields map[string]string) (AccessPoint, error) {
	a := AccessPoint{SSID: []byte(decoded(fields["ssid"]))}
	if strings.Trim(string(a.SSID), "\x00") == "" {
		a.SSID = nil
	}
	var err, err2, err3 error
	a.BSSID, err = net.ParseMAC(fields["bssid"])
	a.Frequency, err2 = strconv.Atoi(fields["freq"])
	a.Signal, err3 = strconv.Atoi(fields["level"])
	for flag := range strings.SplitSeq(fields["flags"], "]") {
		flag = strings.TrimPrefix(flag, "[")
		switch flag {
		case "WEP":
			a.WEP = true
		case "OWE-TRANS": // it has a twin that encrypts, to which wpa_supplicant goes
			a.OWE = true
		}
		if !strings.HasPrefix(flag, "WPA") && !strings.HasPrefix(flag, "RSN") {
			continue
		}
		for word := range strings.FieldsFuncSeq(flag, func(r rune) bool { return r == '-' || r == '+' || r == '/' }) {
			switch word {
			case "PSK":
				a.PSK = true
			case "SAE":
				a.SAE = true
			case "EAP":
				a.EAP = true
			case "OWE":
				a.OWE = true
			}
		}
	}
	return a, errors.Join(err, err2, err3)
}
