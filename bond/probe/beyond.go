package probe

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"sync"
	"time"
)

// A Beyond asks, through an interface that has an address of its own, who is beyond the first hop: hosts by ICMP
// echo ([RepeatEcho]), web servers by HTTP. It goes by the routes over that interface, whichever the machine prefers.
type Beyond struct {
	echoes []Repeater
	webs   []*web
	number int
	heard  chan netip.Addr // from web servers
	cancel context.CancelFunc
	asking sync.WaitGroup
}

// OpenBeyond opens the sockets. own are the interface's addresses, of which one of each family is used; servers know the
// web servers' names, and are asked through the interface too. Where there are none the machine's own are asked, over
// whichever interface they are reached. A web server has limit to answer.
func OpenBeyond(iface string, own, targets []netip.Addr, urls []*url.URL, servers []netip.Addr, limit time.Duration) (*Beyond, error) {
	ctx, cancel := context.WithCancel(context.Background())
	b := &Beyond{heard: make(chan netip.Addr), cancel: cancel}
	for _, target := range targets {
		var source netip.Addr
		for _, a := range own {
			if a.Is4() == target.Is4() && !source.IsValid() {
				source = a
			}
		}
		echo, err := RepeatEcho(ctx, iface, source, target)
		if err != nil {
			b.Close()
			return nil, err
		}
		b.echoes = append(b.echoes, echo)
	}
	for _, u := range urls {
		b.webs = append(b.webs, newWeb(iface, u, servers, limit))
	}
	b.asking.Go(func() { <-ctx.Done() })
	for _, w := range b.webs {
		b.asking.Go(func() { b.fetch(ctx, w) })
	}
	return b, nil
}

// Ask asks each of them; a web server only where it isn't being asked yet. The MAC is of no interest.
func (b *Beyond) Ask(net.HardwareAddr) error {
	b.number++
	var failed error
	for _, echo := range b.echoes {
		failed = errors.Join(failed, echo.Ask(b.number))
	}
	for _, w := range b.webs {
		select {
		case w.ask <- struct{}{}:
		default:
		}
	}
	return failed
}

// Listen calls heard with each answer, until Close.
func (b *Beyond) Listen(heard func(netip.Addr)) {
	var all sync.WaitGroup
	for _, echo := range b.echoes {
		all.Go(func() {
			for {
				if _, err := echo.Answer(); err != nil {
					return
				}
				heard(netip.Addr{})
			}
		})
	}
	all.Go(func() {
		for a := range b.heard {
			heard(a)
		}
	})
	all.Wait()
}

// Close closes the sockets.
func (b *Beyond) Close() {
	b.cancel()
	for _, echo := range b.echoes {
		_ = echo.Close()
	}
	go func() {
		b.asking.Wait()
		close(b.heard)
	}()
}

// fetch asks a web server whenever it is to be.
func (b *Beyond) fetch(ctx context.Context, w *web) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.ask:
		}
		if w.fetch(ctx) != nil {
			continue
		}
		select {
		case <-ctx.Done():
		case b.heard <- netip.Addr{}:
		}
	}
}
