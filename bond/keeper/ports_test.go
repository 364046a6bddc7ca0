package keeper

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/bond/probe"
)

// TestPorts has links come and go: eth0's port has a spanning tree and passes the first frame
// on after 30 s, eth1's has none, and nobody is behind eth2's.
func TestPorts(t *testing.T) {
	for name, tt := range map[string]struct {
		wishes []portsWish // one second apart
		want   []report
	}{
		"up from the first":      {[]portsWish{{"eth0": 1}, {"eth0": 1}}, nil},
		"a link comes up":        {[]portsWish{{}, {"eth0": 1}, {"eth0": 1}}, []report{forwards{"eth0", 1, 30 * time.Second}}},
		"it comes up again":      {[]portsWish{{"eth0": 1}, {}, {"eth0": 3}}, []report{forwards{"eth0", 3, 30 * time.Second}}},
		"it wasn't seen down":    {[]portsWish{{"eth0": 1}, {"eth0": 3}}, []report{forwards{"eth0", 3, 30 * time.Second}}},
		"it goes down meanwhile": {[]portsWish{{}, {"eth0": 1}, {}}, nil},
		"it flaps":               {[]portsWish{{}, {"eth0": 1}, {"eth0": 3}}, []report{forwards{"eth0", 3, 30 * time.Second}}},
		"no spanning tree":       {[]portsWish{{}, {"eth1": 1}}, nil},
		"nobody":                 {[]portsWish{{}, {"eth2": 1}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				reports := make(chan []report)
				p := newPorts(&Keeper{Log: slog.New(slog.DiscardHandler)}, reports)
				p.forwarding = func(ctx context.Context, iface string, limit time.Duration) (time.Duration, error) {
					after := map[string]time.Duration{"eth0": 30 * time.Second, "eth1": time.Second, "eth2": limit}[iface]
					select {
					case <-ctx.Done():
						return 0, ctx.Err()
					case <-time.After(after):
					}
					if iface == "eth2" {
						return 0, probe.ErrSilent
					}
					if iface == "eth1" {
						return 0, nil
					}
					return after, nil
				}
				ctx, end := context.WithCancel(t.Context())
				go func() { _ = p.Run(ctx) }()
				var got []report
				go func() {
					for r := range reports {
						got = append(got, r...)
					}
				}()
				for _, w := range tt.wishes {
					p.wish.put(w)
					time.Sleep(time.Second)
				}
				time.Sleep(2 * portTime)
				end()
				synctest.Wait()
				close(reports)
				if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(forwards{})); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
			})
		})
	}
}
