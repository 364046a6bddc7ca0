package doctor

import (
	"time"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/internal/statedir"
)

// kept reads what the bond's keeper has met behind its slaves. One that has ended forgets
// nothing, so what it knew isn't believed.
func (g Gatherer) kept(f *Facts) {
	if f.Bond == nil {
		return
	}
	k, is, err := statedir.Of(g.Host.StateDir(), g.Name).Keeper()
	f.unknown(err, "updelay", "networks-differ")
	if !is || !k.Alive() {
		return
	}
	for _, b := range k.Behind {
		for i := range f.Members {
			m := &f.Members[i]
			if m.Name != b.Slave || m.Changes != b.Changes {
				continue
			}
			if b.Forwards != nil {
				m.Forwards = time.Duration(*b.Forwards) * time.Millisecond
			}
			if b.Network != nil {
				f.Networks = append(f.Networks, Network{m.Name, b.Network.Address, b.Network.Gateway, bond.HardwareAddr(b.Network.MAC)})
			}
		}
	}
}
