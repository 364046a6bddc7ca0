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

// A web asks one web server through an interface. One goroutine at a time may use it.
type web struct {
	url     *url.URL
	limit   time.Duration
	dialer  net.Dialer
	servers []netip.Addr // the first is asked
	ask     chan struct{}
}

func newWeb(iface string, u *url.URL, servers []netip.Addr, limit time.Duration) *web {
	w := &web{url: u, limit: limit, servers: servers, ask: make(chan struct{})}
	w.dialer.Control = func(_, _ string, raw syscall.RawConn) error {
		var bind error
		err := raw.Control(func(fd uintptr) { bind = unix.BindToDevice(int(fd), iface) })
		return errors.Join(err, bind)
	}
	if len(servers) > 0 {
		w.dialer.Resolver = &net.Resolver{PreferGo: true, Dial: w.dialResolver}
	}
	return w
}

// dialResolver asks for names whom the interface's lease or the file names, through the interface as well.
func (w *web) dialResolver(ctx context.Context, network, _ string) (net.Conn, error) {
	plain := net.Dialer{Control: w.dialer.Control}
	return plain.DialContext(ctx, network, netip.AddrPortFrom(w.servers[0], 53).String())
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
	raw, err := w.dialer.DialContext(ctx, "tcp", net.JoinHostPort(w.url.Hostname(), cmp.Or(w.url.Port(), port)))
	if err != nil {
		w.turn(err)
		return err
	}
	defer raw.Close()
	defer context.AfterFunc(ctx, func() { raw.Close() })()
	conn := raw
	if secure {
		conn = tls.Client(raw, &tls.Config{ServerName: w.url.Hostname()})
	}
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bondctl\r\nAccept: */*\r\nConnection: close\r\n\r\n", w.url.RequestURI(), w.url.Host); err != nil {
		return err
	}
	return isAnswer(bufio.NewReaderSize(conn, 128).ReadSlice('\n'))
}

// turn has another name server asked next time, where this one didn't know the name.
func (w *web) turn(err error) {
	if _, unknown := errors.AsType[*net.DNSError](err); unknown && len(w.servers) > 1 {
		w.servers = append(w.servers[1:len(w.servers):len(w.servers)], w.servers[0])
	}
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
