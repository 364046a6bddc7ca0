package bond

import (
	"context"
	"net/netip"
	"slices"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
	"github.com/bondctl/bondctl/bond/internal/sockdiag"
)

// ErrCantEnd says that this kernel ends no connections.
var ErrCantEnd = sockdiag.ErrUnsupported

// EndConnections ends the TCP connections, and the connected UDP sockets, of which one of
// gone is this machine's end: with that address they would hang until their programs give
// up. It returns how many each address had. An address that some link of this machine has
// keeps its connections. It is for a keeper.
//
// The error is ErrCantEnd where the kernel was built without that.
func (h *Host) EndConnections(ctx context.Context, name string, gone []netip.Addr) (map[netip.Addr]int, error) {
	unlock, err := h.store.lock(ctx, name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	there, err := h.kernel.Addrs()
	if err != nil {
		return nil, err
	}
	gone = filter(gone, func(a netip.Addr) bool {
		return !slices.ContainsFunc(there, func(t rtnl.Addr) bool { return t.Prefix.Addr() == a })
	})
	if len(gone) == 0 {
		return nil, nil
	}
	return sockdiag.Destroy(gone)
}
