package keeper

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/reach"
)

// verifyTime is how long the gateways have to answer after a change of the file.
const verifyTime = 10 * time.Second

// A reload follows a file that was read anew. What has the gateways of the bond fall
// silent isn't kept: nobody may be there who would see it, or could reach the machine.
type reload struct {
	host *bond.Host
	name string
	asks reach.Questions
}

// how has the change verified.
func (r *reload) how(ctx context.Context, h bond.How) bond.How {
	h.Begin = func(_ bond.Plan, before bond.Image) error {
		gateways := slices.DeleteFunc(before.Gateways(), func(g bond.NextHop) bool { return g.Link != r.name })
		r.asks = reach.Of(r.host, gateways, netip.Addr{}, nil).Answered(ctx)
		return nil
	}
	h.Verify = r.verify
	return h
}

// verify waits until those answer who answered before.
func (r *reload) verify(ctx context.Context) error {
	if len(r.asks) == 0 {
		return nil
	}
	st, err := r.host.Brief(r.name)
	if err != nil {
		return err
	}
	active, limit := reach.Times(verifyTime, st)
	if err := r.host.WaitActive(ctx, r.name, active); err != nil {
		return fmt.Errorf("%w after %s, where %s answered before", err, active, r.asks)
	}
	if err := r.host.WaitSettled(ctx, r.name, limit); err != nil {
		return err
	}
	left := r.asks.CutOff(ctx, r.host, limit, reach.Through(r.host, st))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return left.Err("through "+r.name, limit)
}
