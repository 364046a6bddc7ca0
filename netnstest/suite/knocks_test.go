package suite

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bondctl/bondctl/netnstest"
)

// everywhere is an address that each network's router leads to, as to a server on the Internet: it is the router's own.
// Knocks are answered at knockPort.
const (
	everywhere = "203.0.113.1"
	knockPort  = "7"
)

// answerKnocks has a LAN's router accept connections, and nothing more.
func answerKnocks(t *testing.T, lan *netnstest.LAN) {
	t.Helper()
	serve(t, lan, net.ListenConfig{}, net.JoinHostPort(everywhere, knockPort), func(conn net.Conn) {
		// Whoever closes first keeps the port for a minute, so that isn't here.
		_ = conn.SetReadDeadline(time.Now().Add(netnstest.Patience))
		_, _ = conn.Read(make([]byte, 1))
	})
}

// serve has a LAN's router listen, and serve each connection until serveOne returns.
func serve(t *testing.T, lan *netnstest.LAN, config net.ListenConfig, addr string, serveOne func(net.Conn)) net.Addr {
	t.Helper()
	var listener net.Listener
	var err error
	lan.Do(func() { listener, err = config.Listen(context.Background(), "tcp", addr) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serveOne(conn)
			}()
		}
	}()
	return listener.Addr()
}

// knocks are new connections of the machine's to everywhere, one every few milliseconds: one that hangs holds no other up.
type knocks struct {
	stop    func()
	running sync.WaitGroup

	mu  sync.Mutex
	all []knock // in the order in which they began
}

// underWay is how many connections may fail for a reason that isn't the network's: the one that was under way as an
// emulated machine stood still for a second.
const underWay = 1

// A knock is one of them, which has ended or not.
type knock struct {
	began, ended time.Time
	from         netip.Addr
	err          error
}

func (k knock) String() string {
	return fmt.Sprintf("%s from %v after %v: %v", k.began.Format("15:04:05.000"), k.from, k.ended.Sub(k.began).Round(time.Millisecond), k.err)
}

func (k knock) answered() bool { return k.err == nil }

// few are the first ones, enough for somebody to see what is wrong.
func few(all []knock) string {
	return fmt.Sprintf("%d, such as %v", len(all), all[:min(len(all), 5)])
}

// by says whether it was through by that link.
func (k knock) by(u *uplink) bool {
	return !k.ended.IsZero() && k.err == nil && u.lan.Addr.Masked().Contains(k.from)
}

// startKnocks needs no thread in the machine's namespace: its network is that of this process.
func startKnocks(t *testing.T) *knocks {
	ending := make(chan struct{})
	c := &knocks{}
	c.stop = sync.OnceFunc(func() { close(ending); c.running.Wait() })
	t.Cleanup(c.stop)
	c.running.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ending:
				return
			case <-tick.C:
				c.mu.Lock()
				number := len(c.all)
				c.all = append(c.all, knock{began: time.Now()})
				c.mu.Unlock()
				c.running.Go(func() { c.one(number) })
			}
		}
	})
	return c
}

// one is a knock. It gives up before its first packet would be sent again, for a path that loses packets isn't live.
func (c *knocks) one(number int) {
	var from netip.Addr
	conn, err := net.DialTimeout("tcp", net.JoinHostPort(everywhere, knockPort), 900*time.Millisecond)
	ended := time.Now()
	if err == nil {
		from = conn.LocalAddr().(*net.TCPAddr).AddrPort().Addr()
		_ = conn.(*net.TCPConn).SetLinger(0) // or ports run out
		conn.Close()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	k := &c.all[number]
	k.ended, k.from, k.err = ended, from, err
}

// since are the knocks that began at a time or later.
func (c *knocks) since(began time.Time) []knock {
	c.mu.Lock()
	defer c.mu.Unlock()
	first, _ := slices.BinarySearchFunc(c.all, began, func(k knock, began time.Time) int { return k.began.Compare(began) })
	return slices.Clone(c.all[first:])
}

// wait waits for a knock that began since then and leaves by that link, and says when the first one was through.
func (c *knocks) wait(t *testing.T, since time.Time, by *uplink) (through time.Time) {
	t.Helper()
	netnstest.Eventually(t, func() error {
		for _, k := range c.since(since) {
			if k.by(by) && (through.IsZero() || k.ended.Before(through)) {
				through = k.ended
			}
		}
		if through.IsZero() {
			return fmt.Errorf("no new connection leaves by %s", by.name)
		}
		return nil
	})
	return through
}

// but waits for the end of all knocks that began since then, least at least, and returns those of which is doesn't hold.
func (c *knocks) but(t *testing.T, since time.Time, is func(knock) bool) (others []knock) {
	t.Helper()
	const least = 20
	var all []knock
	netnstest.Eventually(t, func() error {
		if all = c.since(since); len(all) < least {
			return fmt.Errorf("only %d new connections were tried", len(all))
		}
		return nil
	})
	last := all[len(all)-1].began
	netnstest.Eventually(t, func() error {
		others = nil
		for _, k := range c.since(since) {
			switch {
			case k.began.After(last):
			case k.ended.IsZero():
				return errors.New("a connection attempt goes on")
			case !is(k):
				others = append(others, k)
			}
		}
		return nil
	})
	return others
}

// fails is a condition for Eventually: a knock that began from now on has failed.
func (c *knocks) fails() func() error {
	since := time.Now()
	return func() error {
		for _, k := range slices.Backward(c.since(since)) {
			if !k.ended.IsZero() && k.err != nil {
				return nil
			}
		}
		return errors.New("new connections are still possible")
	}
}
