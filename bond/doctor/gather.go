package doctor

import (
	"context"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/sysfs"
)

// A Gatherer reads the facts of a machine, and of a bond on it.
type Gatherer struct {
	Host *bond.Host
	// Root is the folder below which /sys, /proc, /etc, /run and the others are read.
	Root string
	Name string
	// Config is what is wanted of the bond; nil where nothing says that.
	Config *bond.Config
	// Holds says which of the interfaces network managers look after; nil where there is
	// nobody to ask.
	Holds func(ctx context.Context, interfaces []string) ([]Hold, error)
}

// Gather reads them. It goes on where something can't be read.
func (g Gatherer) Gather(ctx context.Context) *Facts {
	f := &Facts{Name: g.Name, Config: g.Config}
	r := reader{g.Root}
	g.pristine(f)
	g.bond(f)
	g.members(f)
	r.kernel(f)
	r.credentials(f)
	processes := r.processes()
	g.supplicants(f, processes)
	r.wpaConfs(f)
	g.clients(f)
	r.sysctls(f)
	filters(ctx, f)
	g.deaf(ctx, f)
	g.kept(f)
	if !g.Host.InitialNamespace() {
		// Services look after the machine's own network namespace.
		return f
	}
	g.holds(ctx, f)
	r.randomizers(f, processes)
	r.macPolicy(f)
	r.nameServices(f)
	r.services(f, processes)
	r.online(f)
	return f
}

func (g Gatherer) sysfs() sysfs.FS { return sysfs.New(reader{g.Root}.path("sys")) }

// Preflight gathers what [Facts.Before] needs, and no more.
func Preflight(root, name string) *Facts {
	f := &Facts{Name: name}
	r := reader{root}
	r.kernel(f)
	r.credentials(f)
	return f
}
