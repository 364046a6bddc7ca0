package probe

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A web asks one web server through an interface.
type web struct {
	url     *url.URL
	limit   time.Duration
	dialer  net.Dialer
	servers []netip.Addr
	next    int // of them
	ask     chan struct{}
}

func newWeb(iface string, u *url.URL, servers []netip.Addr, limit time.Duration) *web {
	w := &web{url: u, limit: limit, servers: servers, ask: make(chan struct{})}
	w.dialer.Control = func(_, _ string, raw syscall.RawConn) error {
		var bind error
		err := raw.Control(func(fd uintptr) { bind = unix.BindToDevice(int(fd), iface) })
		return errors.Join(err, bind)
	}
	w.dialer.Resolver = &net.Resolver{PreferGo: true, Dial: w.dialResolver}
	return w
}

// dialResolver asks for names through the interface as well, and whom its own lease or file names.
func (w *web) dialResolver(ctx context.Context, network, address string) (net.Conn, error) {
	if len(w.servers) > 0 {
		address = netip.AddrPortFrom(w.servers[w.next%len(w.servers)], 53).String()
		w.next++
	}
	plain := net.Dialer{Control: w.dialer.Control}
	return plain.DialContext(ctx, network, address)
}

// fetch asks once (RFC 9112). The error is nil where the server answers 2xx: a redirection may be a captive portal's.
func (w *web) fetch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, w.limit)
	defer cancel()
	secure := w.url.Scheme == "https"
	port := "80"
	if secure {
		port = "443"
	}
	conn, err := w.dialer.DialContext(ctx, "tcp", net.JoinHostPort(w.url.Hostname(), cmp.Or(w.url.Port(), port)))
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if secure {
		conn = tls.Client(conn, &tls.Config{ServerName: w.url.Hostname()})
	}
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bondctl\r\nAccept: */*\r\nConnection: close\r\n\r\n", w.url.RequestURI(), w.url.Host); err != nil {
		return err
	}
	return isAnswer(bufio.NewReaderSize(conn, 128).ReadSlice('\n'))
}

// isAnswer is an error unless a status line says 2xx.
func isAnswer(line []byte, err error) error {
	if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
		return err
	}
	version, rest, _ := strings.Cut(string(line), " ")
	if !strings.HasPrefix(version, "HTTP/1.") || len(rest) < 3 || rest[0] != '2' || rest[1] < '0' || rest[1] > '9' || rest[2] < '0' || rest[2] > '9' {
		return fmt.Errorf("it answers %q", strings.TrimSpace(string(line)))
	}
	return nil
}
