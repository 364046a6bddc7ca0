package keeper

import (
	"context"
	"log/slog"
	"net/netip"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/bond/probe"
)

// Routers are asked for at each new place but the first, and what was of those
// before is told with what those there advertise.
func TestRouters(t *testing.T) {
	old, other := netip.MustParsePrefix("2001:db8:1::7/64"), netip.MustParsePrefix("2001:db8:2::7/64")
	advertised := []probe.Advertisement{
		{Router: netip.MustParseAddr("fe80::1"), Prefixes: []netip.Prefix{netip.MustParsePrefix("2001:db8:2::/64")}},
		{Router: netip.MustParseAddr("fe80::2")},
	}
	here := func(slave, resumes int) place { return place{path{slave, 1}, resumes} }
	silent := func(context.Context) ([]probe.Advertisement, error) { return nil, probe.ErrSilent }
	answer := func(context.Context) ([]probe.Advertisement, error) { return advertised, nil }
	slow := func(ctx context.Context) ([]probe.Advertisement, error) { <-ctx.Done(); return nil, ctx.Err() }
	found := renumber{
		had: []netip.Prefix{old}, prefixes: advertised[0].Prefixes,
		routers: []netip.Addr{advertised[0].Router, advertised[1].Router},
	}
	for name, tt := range map[string]struct {
		ask    func(context.Context) ([]probe.Advertisement, error)
		wishes []routersWish
		asked  int
		want   []report
	}{
		"no path":               {answer, []routersWish{{}, {}}, 0, nil},
		"the first place":       {answer, []routersWish{{here(1, 0), nil, 0}, {here(1, 0), []netip.Prefix{old}, 0}}, 0, nil},
		"another path":          {answer, []routersWish{{here(1, 0), []netip.Prefix{old}, 0}, {here(2, 0), []netip.Prefix{old, other}, 0}}, 1, []report{found}},
		"the cable was out":     {answer, []routersWish{{here(1, 0), []netip.Prefix{old}, 0}, {place{}, nil, 0}, {here(1, 0), nil, 0}}, 0, nil},
		"it has slept":          {answer, []routersWish{{here(1, 0), []netip.Prefix{old}, 0}, {here(1, 1), nil, 0}}, 1, []report{found}},
		"they came just before": {answer, []routersWish{{here(1, 0), nil, 0}, {here(2, 0), []netip.Prefix{old}, 0}}, 1, []report{found}},
		"a wish of before": {answer, []routersWish{ // the bond has lost the old address since
			{here(1, 0), []netip.Prefix{old}, 0}, {here(2, 0), []netip.Prefix{old}, 0},
			{here(2, 0), []netip.Prefix{old, other}, 0}, {here(1, 0), []netip.Prefix{other}, 1},
		}, 2, []report{found, found}},
		"nobody answers":     {silent, []routersWish{{here(1, 0), []netip.Prefix{old}, 0}, {here(2, 0), nil, 0}}, 1, nil},
		"asked once a place": {slow, []routersWish{{here(1, 0), []netip.Prefix{old}, 0}, {here(2, 0), nil, 0}, {here(2, 0), nil, 0}}, 1, nil},
		"on the move":        {slow, []routersWish{{here(1, 0), []netip.Prefix{old}, 0}, {here(2, 0), nil, 0}, {here(3, 0), nil, 0}}, 2, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				reports := make(chan []report, 10)
				asked := 0
				r := &routers{wish: newWish[routersWish](), reports: reports, log: slog.New(slog.DiscardHandler)}
				r.ask = func(ctx context.Context) ([]probe.Advertisement, error) {
					asked++
					return tt.ask(ctx)
				}
				j := begin(t.Context(), func(ctx context.Context) {
					if err := r.Run(ctx); err != nil {
						t.Error(err)
					}
				})
				for _, w := range tt.wishes {
					r.wish.put(w)
					synctest.Wait()
				}
				j.stop() // and with it what is under way
				close(reports)
				var got []report
				for list := range reports {
					got = append(got, list...)
				}
				if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(renumber{}), compareAddrs); diff != "" || asked != tt.asked {
					t.Errorf("asked %d times, want %d; (-want +got)\n%s", asked, tt.asked, diff)
				}
			})
		})
	}
}

var compareAddrs = cmp.Options{
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
}
