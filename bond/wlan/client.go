package wlan

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"
	"github.com/mdlayher/wifi"
	"golang.org/x/sys/unix"
)

// A Client asks nl80211 about the Wi-Fi interfaces of one network namespace. It
// may be used from several goroutines.
type Client struct {
	wifi *wifi.Client

	// The wifi package replaces what isn't UTF-8 in an SSID, and doesn't offer
	// the one that the kernel sends with each interface. So the interfaces are
	// listed here, and parsed there.
	conn   *genetlink.Conn
	family genetlink.Family
}

// Open connects to nl80211 in the network namespace of the calling thread. The
// error is fs.ErrNotExist when the kernel has no nl80211, because the cfg80211
// module isn't loaded.
func Open() (*Client, error) {
	conn, err := genetlink.Dial(nil)
	if err != nil {
		return nil, fmt.Errorf("open generic netlink: %w", err)
	}

	family, err := conn.GetFamily(unix.NL80211_GENL_NAME)
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("open nl80211: %w", err)
	}

	w, err := wifi.New()
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("open nl80211: %w", err)
	}

	return &Client{wifi: w, conn: conn, family: family}, nil
}

// Close releases the client's sockets.
func (c *Client) Close() error {
	return errors.Join(c.wifi.Close(), c.conn.Close())
}

// Stations returns all interfaces in station mode by their names, those that are
// connected to nothing included. Interfaces in other modes (access points,
// monitors) and those without a name (P2P devices) are left out, and so are those
// that vanish meanwhile.
func (c *Client) Stations() (map[string]Station, error) {
	ifis, err := c.interfaces()
	if err != nil {
		return nil, fmt.Errorf("list Wi-Fi interfaces: %w", err)
	}

	stations := make(map[string]Station)
	for _, ifi := range ifis {
		if ifi.Name == "" || ifi.Type != wifi.InterfaceTypeStation {
			continue
		}

		s, err := c.station(ifi)
		switch {
		case errors.Is(err, unix.ENODEV):
			continue
		case err != nil:
			return nil, fmt.Errorf("read Wi-Fi link of %s: %w", ifi.Name, err)
		}
		stations[ifi.Name] = s
	}

	return stations, nil
}

// interfaces lists all Wi-Fi interfaces with the SSIDs that go with them
// (NL80211_CMD_GET_INTERFACE).
func (c *Client) interfaces() ([]namedSSID, error) {
	msgs, err := c.conn.Execute(genetlink.Message{
		Header: genetlink.Header{
			Command: unix.NL80211_CMD_GET_INTERFACE,
			Version: c.family.Version,
		},
	}, c.family.ID, netlink.Request|netlink.Dump)
	if err != nil {
		return nil, err
	}

	return parseInterfaces(msgs)
}

// station asks what the interface is connected to.
func (c *Client) station(ifi namedSSID) (Station, error) {
	peers, err := c.wifi.StationInfo(ifi.Interface)
	if err != nil && !noValue(err) {
		return Station{}, err
	}

	l := link{ssid: ifi.ssid, peers: peers}
	if l.complete() {
		return l.station(), nil
	}

	l.bss, err = c.wifi.BSS(ifi.Interface)
	if err != nil && !noValue(err) {
		return Station{}, err
	}

	return l.station(), nil
}

// noValue reports errors that mean that there is nothing to tell: not connected,
// the driver doesn't implement the question, or the interface is down.
func noValue(err error) bool {
	return errors.Is(err, fs.ErrNotExist) ||
		errors.Is(err, unix.EOPNOTSUPP) ||
		errors.Is(err, unix.ENETDOWN)
}
