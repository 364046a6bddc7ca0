package suite

import (
	"fmt"
	"testing"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/netnstest"
	"github.com/vishvananda/netlink"
)

// Benchmarks of the model, in this process and on a real kernel. What whole programs take, and how
// that compares to the ip program, is for "bondlab bench commands".

// BenchmarkUpDown makes a bond of two and takes it away again.
func BenchmarkUpDown(b *testing.B) {
	inNamespace(b, func(h *bond.Host, c bond.Config) {
		for b.Loop() {
			if plan, err := h.Reconcile(b.Context(), bond.Wanted{Config: c}, bond.How{}); err != nil || plan.Empty() {
				b.Fatalf("steps %v, error %v", plan.Steps, err)
			}
			if _, err := h.Down(b.Context(), c.Name, false, bond.How{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkConverged looks at a bond that is as wanted.
func BenchmarkConverged(b *testing.B) {
	inNamespace(b, func(h *bond.Host, c bond.Config) {
		if _, err := h.Reconcile(b.Context(), bond.Wanted{Config: c}, bond.How{}); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if plan, err := h.Reconcile(b.Context(), bond.Wanted{Config: c}, bond.How{}); err != nil || !plan.Empty() {
				b.Fatalf("steps %v, error %v", plan.Steps, err)
			}
		}
	})
}

// BenchmarkStatus reads all that there is to say of a bond of two.
func BenchmarkStatus(b *testing.B) {
	inNamespace(b, func(h *bond.Host, c bond.Config) {
		if _, err := h.Reconcile(b.Context(), bond.Wanted{Config: c}, bond.How{}); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if st, err := h.Status(c.Name); err != nil || len(st.Members) != 2 {
				b.Fatalf("status %v, error %v", st, err)
			}
		}
	})
}

// BenchmarkStatuses reads the status of every bond of a machine, each of two. What one costs, in
// ns/bond, must not grow with their number.
func BenchmarkStatuses(b *testing.B) {
	for _, bonds := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("bonds=%d", bonds), func(b *testing.B) {
			lab := netnstest.New(b)
			for i := range bonds {
				addBond(b, lab.Netlink(), i)
			}
			lab.Do(func() {
				h, err := bond.Open()
				if err != nil {
					b.Fatal(err)
				}
				defer h.Close()
				for b.Loop() {
					names, err := h.Names()
					if err != nil {
						b.Fatal(err)
					}
					if list, _, err := h.Statuses(names); err != nil || len(list) != bonds {
						b.Fatalf("%d bonds, error %v", len(list), err)
					}
				}
			})
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(bonds), "ns/bond")
		})
	}
}

// addBond makes a bond of two dummies.
func addBond(b *testing.B, nl *netlink.Handle, i int) {
	b.Helper()
	attrs := func(format string) netlink.LinkAttrs {
		a := netlink.NewLinkAttrs()
		a.Name = fmt.Sprintf(format, i)
		return a
	}
	master := netlink.NewLinkBond(attrs("bond%d"))
	master.Mode = netlink.BOND_MODE_ACTIVE_BACKUP
	err := nl.LinkAdd(master)
	for _, format := range []string{"a%d", "b%d"} {
		if err == nil {
			member := &netlink.Dummy{LinkAttrs: attrs(format)}
			member.MasterIndex = master.Index
			err = nl.LinkAdd(member)
		}
	}
	if err != nil {
		b.Fatal(err)
	}
}

// inNamespace calls f in the namespace of a host with two NICs, with what is wanted of them.
func inNamespace(b *testing.B, f func(*bond.Host, bond.Config)) {
	b.Helper()
	lab := netnstest.New(b)
	lab.Cable("eth0")
	lab.Cable("eth1")
	c, err := bond.NewConfig("bond0", settings([]string{
		"primary=eth0", "member=eth0", "member=eth1", "address=192.0.2.10/24",
	}))
	if err != nil {
		b.Fatal(err)
	}
	lab.Do(func() {
		h, err := bond.Open()
		if err != nil {
			b.Fatal(err)
		}
		defer h.Close()
		f(h, c)
	})
}
