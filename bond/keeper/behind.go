package keeper

import (
	"slices"

	"github.com/bondctl/bondctl/bond/internal/statedir"
)

// behind is what was met behind a slave with a link, to be filled in.
func (r *record) behind(slave string, changes int) *statedir.Behind {
	i := slices.IndexFunc(r.state.Behind, func(b statedir.Behind) bool { return b.Slave == slave })
	if i < 0 {
		i = len(r.state.Behind)
		r.state.Behind = append(r.state.Behind, statedir.Behind{Slave: slave, Changes: changes})
	}
	r.saved = false
	return &r.state.Behind[i]
}

// links forgets what was met behind slaves that have lost their links since: they may be
// connected elsewhere by now.
func (r *record) links(up map[string]int) {
	before := len(r.state.Behind)
	r.state.Behind = slices.DeleteFunc(r.state.Behind, func(b statedir.Behind) bool {
		changes, is := up[b.Slave]
		return !is || changes != b.Changes
	})
	r.saved = r.saved && len(r.state.Behind) == before
}

// network notes in which network a lease was had over the active slave.
func (r *record) network(s snapshot, l statedir.Lent) {
	changes, up := s.links[s.active]
	if l.Lease == nil || !up {
		return
	}
	r.behind(s.active, changes).Network = &statedir.Network{Address: l.Lease.Address, Gateway: l.Lease.Gateway(), MAC: l.GatewayMAC}
}

// forwards notes for how long a port passed nothing on.
func (r *record) forwards(f forwards, up map[string]int) {
	if changes, is := up[f.slave]; is && changes == f.changes {
		r.behind(f.slave, f.changes).Forwards = new(int(f.after.Milliseconds()))
	}
}
