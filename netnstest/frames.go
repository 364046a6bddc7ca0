package netnstest

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// frameType is the EtherType of [Frames]: the first local experimental one (IEEE 802).
const frameType = 0x88b5

// Frames are numbered Ethernet frames that go from one namespace to another at an interval.
type Frames struct {
	t        TB
	from, to int // packet sockets
	stop     chan struct{}
	running  sync.WaitGroup

	mu       sync.Mutex
	sent     []time.Time
	received []bool
}

// Lost is what became of some [Frames].
type Lost struct {
	Sent, Lost int
	// Outage is the longest time without a frame that arrived, by when they were sent, less
	// their interval; 0 where none was lost.
	Outage time.Duration
}

func (l Lost) String() string {
	return fmt.Sprintf("%d of %d frames lost, outage %.1f ms", l.Lost, l.Sent, l.Outage.Seconds()*1000)
}

// Frames sends frames through a link of the host to the router of the LAN, from the link's
// hardware address of the moment, until the test ends.
func (h *Host) Frames(link string, interval time.Duration) *Frames {
	h.t.Helper()
	lan := h.LAN()
	return sendFrames(h.t, h.Namespace, link, lan.Namespace, lanBridge, interval)
}

// FramesTo sends frames from the LAN's router to a link of the host.
func (l *LAN) FramesTo(h *Host, link string, interval time.Duration) *Frames {
	l.t.Helper()
	return sendFrames(l.t, l.Namespace, lanBridge, h.Namespace, link, interval)
}

func sendFrames(t TB, from *Namespace, fromLink string, to *Namespace, toLink string, interval time.Duration) *Frames {
	t.Helper()
	f := &Frames{t: t, stop: make(chan struct{})}
	var out *unix.SockaddrLinklayer
	var err error
	if f.from, out, err = packetSocket(from, fromLink); err == nil {
		f.to, _, err = packetSocket(to, toLink)
	}
	if err != nil {
		t.Fatalf("send frames from %s to %s: %v", fromLink, toLink, err)
	}
	link, err := to.nl.LinkByName(toLink)
	if err != nil {
		t.Fatalf("look up %s: %v", toLink, err)
	}
	copy(out.Addr[:], link.Attrs().HardwareAddr)
	out.Halen = 6
	f.running.Go(func() { f.send(out, interval) })
	f.running.Go(f.receive)
	t.Cleanup(f.Stop)
	return f
}

// packetSocket opens a socket for frames of that type on a link, and makes the address that sends
// them there.
func packetSocket(n *Namespace, name string) (fd int, addr *unix.SockaddrLinklayer, err error) {
	link, err := n.nl.LinkByName(name)
	if err != nil {
		return 0, nil, err
	}
	addr = &unix.SockaddrLinklayer{Protocol: bigEndian(frameType), Ifindex: link.Attrs().Index}
	n.Do(func() {
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, int(bigEndian(frameType)))
	})
	if err != nil {
		return 0, nil, err
	}
	if err := unix.Bind(fd, addr); err != nil {
		return 0, nil, err
	}
	// The receiver looks now and then whether it is to end.
	return fd, addr, unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 50_000})
}

func bigEndian(n uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, n))
}

// send sends each frame when it is due. What is overdue after a stall of the machine isn't sent.
func (f *Frames) send(to *unix.SockaddrLinklayer, interval time.Duration) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	frame := make([]byte, 46)
	for due := time.Now(); ; due = due.Add(interval) {
		select {
		case <-f.stop:
			return
		default:
		}
		if wait := time.Until(due); wait > 0 {
			ts := unix.NsecToTimespec(int64(wait))
			_ = unix.Nanosleep(&ts, nil)
		} else if wait < -interval {
			due = time.Now()
		}
		f.mu.Lock()
		binary.BigEndian.PutUint32(frame, uint32(len(f.sent)))
		f.sent, f.received = append(f.sent, time.Now()), append(f.received, false)
		f.mu.Unlock()
		_ = unix.Sendto(f.from, frame, 0, to) // what can't be sent is lost
	}
}

func (f *Frames) receive() {
	frame := make([]byte, 64)
	for {
		n, _, err := unix.Recvfrom(f.to, frame, 0)
		select {
		case <-f.stop:
			return
		default:
		}
		if err != nil || n < 4 {
			continue
		}
		f.mu.Lock()
		if i := int(binary.BigEndian.Uint32(frame)); i < len(f.received) {
			f.received[i] = true
		}
		f.mu.Unlock()
	}
}

// Mark is the number of the next frame.
func (f *Frames) Mark() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.sent)
}

// Since is what became of the frames from a mark on. It waits until one that is sent from now on
// has arrived, so that none is on its way any more.
func (f *Frames) Since(mark int) Lost {
	f.t.Helper()
	now := f.Mark()
	last := now
	Eventually(f.t, func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		for last = now; last < len(f.received); last++ {
			if f.received[last] {
				return nil
			}
		}
		return fmt.Errorf("no frame arrives (%d have been sent since)", len(f.sent)-now)
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	return lostAmong(f.sent[mark:last+1], f.received[mark:last+1])
}

// lostAmong sums frames up, of which the last one has arrived.
func lostAmong(sent []time.Time, received []bool) (l Lost) {
	before := -1 // the last one that arrived
	for i := range sent {
		l.Sent++
		switch {
		case !received[i]:
			l.Lost++
		case i > before+1:
			l.Outage = max(l.Outage, sent[i].Sub(sent[before+1]))
			before = i
		default:
			before = i
		}
	}
	return l
}

// Stop ends the frames.
func (f *Frames) Stop() {
	select {
	case <-f.stop:
		return
	default:
	}
	close(f.stop)
	f.running.Wait()
	unix.Close(f.from)
	unix.Close(f.to)
}
