package netnstest

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

// streamInterval is the time between two lines of a [Stream].
const streamInterval = 50 * time.Millisecond

// Stream is a TCP connection from a host to the router of a LAN, such as somebody's open SSH session.
// It carries numbered lines there and back, and both ends check that each is the next one. It holds
// on as long as the host keeps the address with which it began.
type Stream struct {
	t        TB
	listener net.Listener
	conn     net.Conn
	far      net.Conn // the LAN's end, once there is one
	stop     chan struct{}
	running  sync.WaitGroup

	mu      sync.Mutex
	lines   int // that came back
	mark    int // of them, when Moved was last asked
	last    time.Time
	longest time.Duration
	stopped time.Time
	err     error
	told    bool // Stop was called
}

// StreamResult is what became of a [Stream].
type StreamResult struct {
	Lines   int           // that went there and back
	Longest time.Duration // the longest time between two of them
	Err     error         // what broke the connection, or nil
}

func (r StreamResult) String() string {
	s := fmt.Sprintf("%d lines, longest gap %v", r.Lines, r.Longest.Round(time.Millisecond))
	if r.Err != nil {
		s += ", " + r.Err.Error()
	}
	return s
}

// Stream connects to the router of the LAN, and goes on until the test ends or Stop is called. A
// stream that breaks and of which Stop doesn't tell fails the test.
func (h *Host) Stream() *Stream {
	h.t.Helper()
	return h.StreamTo(h.LAN())
}

// StreamTo is Stream to one of the host's LANs.
func (h *Host) StreamTo(lan *LAN) *Stream {
	h.t.Helper()
	return h.streamTo(lan, lan.Addr.Addr(), netip.Addr{})
}

// StreamFrom is StreamTo from one of the host's addresses.
func (h *Host) StreamFrom(lan *LAN, from netip.Addr) *Stream {
	h.t.Helper()
	return h.streamTo(lan, lan.Addr.Addr(), from)
}

// Stream6 is Stream over IPv6.
func (h *Host) Stream6() *Stream {
	h.t.Helper()
	return h.streamTo(h.LAN(), h.LAN().Addr6.Addr(), netip.Addr{})
}

func (h *Host) streamTo(lan *LAN, router, from netip.Addr) *Stream {
	h.t.Helper()
	s := &Stream{t: h.t, stop: make(chan struct{}), last: time.Now()}
	var err error
	// A socket stays in the namespace that it was made in, whoever uses it.
	lan.Do(func() {
		s.listener, err = net.Listen("tcp", netip.AddrPortFrom(router, 0).String())
	})
	if err != nil {
		h.t.Fatalf("listen on %s: %v", lan.name, err)
	}
	h.Do(func() {
		dialer := net.Dialer{Timeout: Patience}
		if from.IsValid() {
			dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))
		}
		s.conn, err = dialer.Dial("tcp", s.listener.Addr().String())
	})
	if err != nil {
		s.listener.Close()
		h.t.Fatalf("open a stream to %s: %v", lan.name, err)
	}
	s.running.Go(s.echo)
	s.running.Go(s.send)
	s.running.Go(s.receive)
	h.t.Cleanup(func() {
		told := s.told
		if r := s.Stop(); r.Err != nil && !told {
			h.t.Errorf("the stream broke: %v", r)
		}
	})
	return s
}

// echo is the LAN's end, which sends back what it gets.
func (s *Stream) echo() {
	conn, err := s.listener.Accept()
	if err != nil {
		s.fail("accept", err)
		return
	}
	defer conn.Close()
	s.mu.Lock()
	s.far = conn
	s.mu.Unlock()
	lines := bufio.NewReader(conn)
	for want := 1; ; want++ {
		line, err := nextLine(lines, want)
		if err == nil {
			_, err = conn.Write([]byte(line))
		}
		if err != nil {
			s.fail("the LAN's end", err)
			return
		}
	}
}

func (s *Stream) send() {
	tick := time.NewTicker(streamInterval)
	defer tick.Stop()
	for number := 1; ; number++ {
		if _, err := fmt.Fprintln(s.conn, number); err != nil {
			s.fail("send", err)
			return
		}
		select {
		case <-s.stop:
			return
		case <-tick.C:
		}
	}
}

func (s *Stream) receive() {
	lines := bufio.NewReader(s.conn)
	for want := 1; ; want++ {
		if _, err := nextLine(lines, want); err != nil {
			s.fail("the host's end", err)
			return
		}
		s.mu.Lock()
		now := time.Now()
		s.lines, s.longest, s.last = want, max(s.longest, now.Sub(s.last)), now
		s.mu.Unlock()
	}
}

// nextLine reads a line, which must have the number.
func nextLine(r *bufio.Reader, want int) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	if number, err := strconv.Atoi(strings.TrimSuffix(line, "\n")); err != nil || number != want {
		return "", fmt.Errorf("got %q in place of line %d", line, want)
	}
	return line, nil
}

// fail notes the first thing that went wrong. What comes of Stop isn't wrong.
func (s *Stream) fail(what string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.stop:
		return
	default:
	}
	if s.err == nil {
		s.err = fmt.Errorf("%s: %w", what, err)
	}
}

// Moved is a condition for [Eventually]: a line has come back since it last was met, or, the first
// time, since the first call.
func (s *Stream) Moved() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.err != nil:
		return s.err
	case s.mark == 0:
		s.mark = s.lines + 1
	case s.lines >= s.mark:
		s.mark = 0
		return nil
	}
	return errors.New("no line has come back since")
}

// Restart forgets the gaps so far.
func (s *Stream) Restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.longest = 0
}

// Stop closes the connection and tells what became of it. A second call tells the same.
func (s *Stream) Stop() StreamResult {
	s.mu.Lock()
	select {
	case <-s.stop:
	default:
		close(s.stop)
		s.stopped = time.Now()
	}
	s.told = true
	far := s.far
	s.mu.Unlock()
	s.listener.Close()
	s.conn.Close()
	if far != nil { // which may never hear of it
		far.Close()
	}
	s.running.Wait()
	return s.Result()
}

// Result is what became of the stream so far. A gap that hasn't ended counts as one.
func (s *Stream) Result() StreamResult {
	s.mu.Lock()
	defer s.mu.Unlock()
	end := s.stopped
	if end.IsZero() {
		end = time.Now()
	}
	return StreamResult{Lines: s.lines, Longest: max(s.longest, end.Sub(s.last)), Err: s.err}
}
