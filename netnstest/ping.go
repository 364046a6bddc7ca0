package netnstest

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
)

// lastAnswer is how long Stop waits for answers that are still out.
var lastAnswer = times(time.Second, slowness)

// Ping sends an echo request at an interval, and keeps which were answered.
type Ping struct {
	t        TB
	conn     *icmp.PacketConn
	interval time.Duration
	to       *net.IPAddr
	id       int
	stop     chan struct{}
	sender   sync.WaitGroup
	receiver sync.WaitGroup

	mu       sync.Mutex
	sent     []time.Time
	answered []time.Time // zero: not yet
	mark     int         // requests sent when Answered was last asked
}

// Pinged is what became of a [Ping].
type Pinged struct {
	Sent     int
	Received int
	Lost     []int         // sequence numbers, from 0
	Longest  time.Duration // the longest time without an answer
}

func (p Pinged) String() string {
	return fmt.Sprintf("%d of %d pings answered, lost %v, longest silence %v",
		p.Received, p.Sent, p.Lost, p.Longest.Round(time.Millisecond))
}

// Ping pings [LANAddr] until the test ends or Stop is called. A request that can't even be sent
// counts as lost.
func (n *Namespace) Ping(interval time.Duration) *Ping {
	n.t.Helper()
	return n.PingTo(netip.MustParseAddr(LANAddr), interval)
}

// PingTo pings an IPv4 address.
func (n *Namespace) PingTo(addr netip.Addr, interval time.Duration) *Ping {
	n.t.Helper()
	p := &Ping{
		t:        n.t,
		interval: interval,
		to:       &net.IPAddr{IP: addr.AsSlice()},
		stop:     make(chan struct{}),
	}
	var err error
	// A socket stays in the namespace that it was made in, whoever uses it.
	n.Do(func() { p.conn, err = icmp.ListenPacket("ip4:icmp", "0.0.0.0") })
	if err != nil {
		n.t.Fatalf("ping: %v", err)
	}
	p.id = nextPing()
	p.receiver.Go(p.receive)
	p.sender.Go(p.send)
	n.t.Cleanup(func() { p.Stop() })
	return p
}

var (
	pingMu   sync.Mutex
	lastPing = os.Getpid()
)

// nextPing numbers pings, for every socket in a namespace gets every answer.
func nextPing() int {
	pingMu.Lock()
	defer pingMu.Unlock()
	lastPing++
	return lastPing & 0xffff
}

func (p *Ping) send() {
	tick := time.NewTicker(p.interval)
	defer tick.Stop()
	for {
		p.sendOne()
		select {
		case <-p.stop:
			return
		case <-tick.C:
		}
	}
}

func (p *Ping) sendOne() {
	p.mu.Lock()
	seq := len(p.sent)
	p.sent = append(p.sent, time.Now())
	p.answered = append(p.answered, time.Time{})
	p.mu.Unlock()
	msg := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: p.id, Seq: seq & 0xffff, Data: make([]byte, 48)}}
	data, err := msg.Marshal(nil)
	if err != nil {
		panic(err) // nothing in it that could fail
	}
	_, _ = p.conn.WriteTo(data, p.to) // "network is unreachable" and the like: no answer will come
}

func (p *Ping) receive() {
	buf := make([]byte, 1500)
	for {
		size, from, err := p.conn.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || from.String() != p.to.String() {
			continue
		}
		msg, err := icmp.ParseMessage(ipv4.ICMPTypeEcho.Protocol(), buf[:size])
		if err != nil || msg.Type != ipv4.ICMPTypeEchoReply {
			continue
		}
		if echo, ok := msg.Body.(*icmp.Echo); ok && echo.ID == p.id {
			p.answer(echo.Seq)
		}
	}
}

// answer notes an answer. The sequence number on the wire has 16 bits: it is the latest request
// which can be meant.
func (p *Ping) answer(wire int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.sent) - 1
	seq := last - (last-wire)&0xffff
	if seq >= 0 && p.answered[seq].IsZero() {
		p.answered[seq] = time.Now()
	}
}

// Answered is a condition for [Eventually]: a request that was sent after the first call has been
// answered.
func (p *Ping) Answered() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mark == 0 {
		p.mark = len(p.sent)
	}
	for _, at := range p.answered[p.mark:] {
		if !at.IsZero() {
			p.mark = 0
			return nil
		}
	}
	return fmt.Errorf("none of the last %d pings was answered", len(p.sent)-p.mark)
}

// Stop stops sending, waits a second, or longer on a slow machine, for the answers that are still out, and tells what was
// lost. A second call tells the same.
func (p *Ping) Stop() Pinged {
	select {
	case <-p.stop:
		return p.Result()
	default:
	}
	close(p.stop)
	p.sender.Wait()
	_ = poll(lastAnswer, func() error {
		if r := p.Result(); r.Sent != r.Received {
			return errors.New("answers are missing")
		}
		return nil
	})
	p.conn.Close()
	p.receiver.Wait()
	return p.Result()
}

// Result is what became of the requests so far. One whose answer is still out counts as lost.
func (p *Ping) Result() Pinged {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := Pinged{Sent: len(p.sent)}
	if r.Sent == 0 {
		return r
	}
	last := p.sent[0]
	for seq, at := range p.answered {
		if at.IsZero() {
			r.Lost = append(r.Lost, seq)
			continue
		}
		r.Received++
		if at.After(last) {
			r.Longest = max(r.Longest, at.Sub(last))
			last = at
		}
	}
	return r
}
