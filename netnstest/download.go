package netnstest

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// A Download is a TCP connection over which a host gets numbers from the router of its LAN, one after
// the other, at about 4 MB/s. It checks that each is the next one.
type Download struct {
	t        TB
	listener net.Listener
	conn     net.Conn
	running  sync.WaitGroup

	mu      sync.Mutex
	bytes   int
	longest time.Duration
	stopped bool
	err     error
}

// DownloadResult is what became of a [Download].
type DownloadResult struct {
	Bytes   int
	Longest time.Duration // the longest time without any
	Err     error         // what broke the connection, or nil
}

func (r DownloadResult) String() string {
	s := fmt.Sprintf("%d KiB, longest gap %v", r.Bytes>>10, r.Longest.Round(time.Millisecond))
	if r.Err != nil {
		s += ", " + r.Err.Error()
	}
	return s
}

// downloadBlock is what the router sends at a time, and downloadPause is between two.
const (
	downloadBlock = 64 << 10
	downloadPause = 15 * time.Millisecond
)

// Download connects to the router of the LAN, and goes on until the test ends or Stop is called.
func (h *Host) Download() *Download {
	h.t.Helper()
	d := &Download{t: h.t}
	lan := h.LAN()
	var err error
	lan.Do(func() { d.listener, err = net.Listen("tcp", netip.AddrPortFrom(lan.Addr.Addr(), 0).String()) })
	if err != nil {
		h.t.Fatalf("listen on %s: %v", lan.name, err)
	}
	h.Do(func() { d.conn, err = net.DialTimeout("tcp", d.listener.Addr().String(), Patience) })
	if err != nil {
		d.listener.Close()
		h.t.Fatalf("open a download from %s: %v", lan.name, err)
	}
	d.running.Go(d.serve)
	d.running.Go(d.receive)
	h.t.Cleanup(func() { d.Stop() })
	return d
}

// serve is the LAN's end.
func (d *Download) serve() {
	conn, err := d.listener.Accept()
	if err != nil {
		d.fail("accept", err)
		return
	}
	defer conn.Close()
	block := make([]byte, downloadBlock)
	for number := uint64(0); ; {
		for i := 0; i < len(block); i += 8 {
			binary.BigEndian.PutUint64(block[i:], number)
			number++
		}
		if _, err := conn.Write(block); err != nil {
			d.fail("the LAN's end", err)
			return
		}
		time.Sleep(downloadPause)
	}
}

// receive is the host's end.
func (d *Download) receive() {
	last := time.Now()
	var number [8]byte
	block := make([]byte, 8<<10)
	for want := uint64(0); ; {
		n, err := io.ReadFull(d.conn, block)
		now := time.Now()
		for i := 0; err == nil && i < n; i += 8 {
			copy(number[:], block[i:])
			if got := binary.BigEndian.Uint64(number[:]); got != want {
				err = fmt.Errorf("it got number %d, not %d", got, want)
			}
			want++
		}
		if err != nil {
			d.fail("the host's end", err)
			return
		}
		d.mu.Lock()
		d.bytes += n
		d.longest = max(d.longest, now.Sub(last))
		d.mu.Unlock()
		last = now
	}
}

func (d *Download) fail(what string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.stopped && d.err == nil {
		d.err = fmt.Errorf("%s: %w", what, err)
	}
}

// Result is how it fares.
func (d *Download) Result() DownloadResult {
	d.mu.Lock()
	defer d.mu.Unlock()
	return DownloadResult{d.bytes, d.longest, d.err}
}

// Stop ends it.
func (d *Download) Stop() DownloadResult {
	r := d.Result()
	d.mu.Lock()
	d.stopped = true
	d.mu.Unlock()
	d.conn.Close()
	d.listener.Close()
	d.running.Wait()
	return r
}
