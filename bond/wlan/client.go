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
	// The wifi package parses the answers, but doesn't ask: its own client
	// replaces whatever in an SSID isn't UTF-8.
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

	return &Client{conn: conn, family: family}, nil
}

// Close releases the client's socket.
func (c *Client) Close() error {
	return c.conn.Close()
}

// StationNames returns the names of all interfaces in station mode.
func (c *Client) StationNames() ([]string, error) {
	ifis, err := c.interfaces()
	if err != nil {
		return nil, err
	}

	var names []string
	for _, ifi := range ifis {
		if isStation(ifi) {
			names = append(names, ifi.Name)
		}
	}

	return names, nil
}

func (c *Client) interfaces() ([]*wifi.Interface, error) {
	msgs, err := c.dump(unix.NL80211_CMD_GET_INTERFACE, nil)
	if err != nil {
		return nil, fmt.Errorf("list wi-fi interfaces: %w", err)
	}
	ifis, err := wifi.ParseInterfaces(msgs)
	if err != nil {
		return nil, fmt.Errorf("list wi-fi interfaces: %w", err)
	}

	return ifis, nil
}

// Stations returns all interfaces in station mode by their names, those that are
// connected to nothing included. Interfaces in other modes (access points,
// monitors) and those without a name (P2P devices) are left out, and so are those
// that vanish meanwhile.
func (c *Client) Stations() (map[string]Station, error) {
	ifis, err := c.interfaces()
	if err != nil {
		return nil, err
	}

	stations := make(map[string]Station)
	for _, ifi := range ifis {
		if !isStation(ifi) {
			continue
		}

		s, err := c.station(ifi)
		switch {
		case errors.Is(err, unix.ENODEV):
			continue
		case err != nil:
			return nil, fmt.Errorf("read wi-fi link of %s: %w", ifi.Name, err)
		}
		stations[ifi.Name] = s
	}

	return stations, nil
}

// isStation reports whether ifi is an interface for Stations.
func isStation(ifi *wifi.Interface) bool {
	return ifi.Name != "" && ifi.Type == wifi.InterfaceTypeStation
}

// station asks what the interface is connected to.
func (c *Client) station(ifi *wifi.Interface) (Station, error) {
	msgs, err := c.dump(unix.NL80211_CMD_GET_SCAN, ifi)
	if err != nil && !noValue(err) {
		return Station{}, err
	}
	b, err := associated(msgs)
	if b == nil || err != nil {
		return Station{}, err
	}

	msgs, err = c.dump(unix.NL80211_CMD_GET_STATION, ifi)
	if err != nil && !noValue(err) {
		return Station{}, err
	}
	peers, err := parsePeers(msgs)
	if err != nil {
		return Station{}, err
	}

	return newStation(b, peers), nil
}

// dump sends a command that is answered by a list: for one interface, or with a
// nil ifi for all.
func (c *Client) dump(cmd uint8, ifi *wifi.Interface) ([]genetlink.Message, error) {
	ae := netlink.NewAttributeEncoder()
	if ifi != nil {
		ae.Uint32(unix.NL80211_ATTR_IFINDEX, uint32(ifi.Index))
	}
	data, err := ae.Encode()
	if err != nil {
		return nil, err
	}

	return c.conn.Execute(genetlink.Message{
		Header: genetlink.Header{Command: cmd, Version: c.family.Version},
		Data:   data,
	}, c.family.ID, netlink.Request|netlink.Dump)
}

// noValue reports errors that mean that there is nothing to tell: not connected,
// the driver doesn't implement the question, or the interface is down.
func noValue(err error) bool {
	return errors.Is(err, fs.ErrNotExist) ||
		errors.Is(err, unix.EOPNOTSUPP) ||
		errors.Is(err, unix.ENETDOWN)
}
