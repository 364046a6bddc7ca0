package keeper

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/bond/internal/statedir"
	"github.com/bondctl/bondctl/bond/resolve"
)

// What fails is tried again at growing intervals, with what is wished for by then;
// what was left alone for good reason only when somebody asks.
func TestNameServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		reports := make(chan []report, 100)
		type answer struct {
			outcome resolve.Outcome
			err     error
		}
		var answers atomic.Value
		answers.Store(answer{resolve.Outcome{Holder: resolve.File}, nil})
		said := make(chan string, 100)
		n := &nameServers{wish: newWish[nameWish](), reports: reports, log: slog.New(slog.DiscardHandler)}
		n.set = func(_ context.Context, _ string, s resolve.Settings) (resolve.Outcome, error) {
			said <- fmt.Sprintf("%s: %s", time.Since(start), s.Servers)
			a := answers.Load().(answer)
			return a.outcome, a.err
		}
		j := begin(t.Context(), func(ctx context.Context) { _ = n.Run(ctx) })
		defer j.stop()
		wants := func(server string, asked int) {
			servers := []netip.Addr{netip.MustParseAddr(server)}
			n.wish.put(nameWish{index: 7, settings: resolve.Settings{Servers: servers}, asked: asked})
			synctest.Wait()
		}
		expect := func(trouble string, want ...string) {
			t.Helper()
			synctest.Wait()
			var got []string
			for len(said) > 0 {
				got = append(got, <-said)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			last := statedir.Trouble{}
			for len(reports) > 0 {
				last = (<-reports)[0].(statedir.Trouble)
			}
			if last.Text != trouble {
				t.Errorf("trouble %q, want %q", last.Text, trouble)
			}
		}
		wants("192.0.2.1", 0)
		wants("192.0.2.1", 0)
		expect("", "0s: [192.0.2.1]")
		answers.Store(answer{err: errors.New("the daemon is silent")})
		wants("192.0.2.2", 0)
		wants("192.0.2.3", 0)
		expect("the daemon is silent", "0s: [192.0.2.2]")
		time.Sleep(5 * time.Second)
		expect("the daemon is silent", "1s: [192.0.2.3]", "3s: [192.0.2.3]")
		answers.Store(answer{resolve.Outcome{Notes: []string{"somebody else has it"}}, resolve.ErrEdited})
		time.Sleep(10 * time.Second)
		expect("somebody else has it", "7s: [192.0.2.3]")
		wants("192.0.2.3", 0)
		expect("")
		answers.Store(answer{resolve.Outcome{Holder: resolve.Resolved}, nil})
		wants("192.0.2.3", 1)
		expect("", "15s: [192.0.2.3]")
	})
}
