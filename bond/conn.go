package bond

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// conn is a route netlink socket. It asks for extended acknowledgements, so
// that a refusal comes with the kernel's own explanation, which the netlink
// package's handles (v1.3.1) don't.
type conn struct{ socket *nl.SocketHandle }

// dial opens a socket in the calling thread's network namespace.
func dial() (*conn, error) {
	s, err := nl.GetNetlinkSocketAt(netns.None(), netns.None(), unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	// No time limits: the kernel answers before it does anything else, and each
	// limit would be a timer that wakes an idle keeper.
	if err := s.SetExtAck(true); err != nil {
		s.Close()
		return nil, fmt.Errorf("set up netlink: %w", err)
	}
	return &conn{&nl.SocketHandle{Socket: s}}, nil
}

func (c *conn) close() { c.socket.Close() }

// onLink looks a link up and calls f with it. The error is fs.ErrNotExist
// (ENODEV) when there is no such link.
func (c *conn) onLink(name string, f func(rawLink) error) error {
	l, err := c.link(name)
	if err != nil {
		return err
	}
	return f(l)
}

func (c *conn) ifindex(name string) (int, error) {
	l, err := c.link(name)
	return l.index, err
}

// link asks for one link by its name (RTM_GETLINK). The error is
// fs.ErrNotExist when there is none.
func (c *conn) link(name string) (rawLink, error) {
	req := c.request(unix.RTM_GETLINK, 0,
		linkMessage(0), nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(name)), noStatistics())
	replies, err := req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWLINK)
	switch {
	case errors.Is(err, unix.ENODEV):
		return rawLink{}, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	case err == nil && len(replies) != 1:
		err = fmt.Errorf("%d answers", len(replies))
	}
	if err != nil {
		return rawLink{}, fmt.Errorf("look up %s: %w", name, err)
	}
	l, err := parseLink(replies[0])
	if err == nil && l.name != name {
		// The kernel looks among alternative names, too (IFLA_ALT_IFNAME).
		return rawLink{}, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return l, err
}

func (c *conn) request(kind, flags int, data ...nl.NetlinkRequestData) *nl.NetlinkRequest {
	req := nl.NewNetlinkRequest(kind, flags)
	req.Sockets = map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: c.socket}
	for _, d := range data {
		req.AddData(d)
	}
	return req
}

// links asks for every link (RTM_GETLINK), without its statistics. A dump that
// the kernel calls interrupted is asked for anew.
func (c *conn) links() ([]rawLink, error) {
	for {
		req := c.request(unix.RTM_GETLINK, unix.NLM_F_DUMP, linkMessage(0),
			noStatistics())
		messages, err := req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWLINK)
		if errors.Is(err, netlink.ErrDumpInterrupted) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("list links: %w", err)
		}
		links := make([]rawLink, 0, len(messages))
		for _, m := range messages {
			link, err := parseLink(m)
			if err != nil {
				return nil, err
			}
			links = append(links, link)
		}
		return links, nil
	}
}
