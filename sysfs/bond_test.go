package sysfs_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/sysfs"
)

// pristine is a bond as the module makes it: every option at its default.
func pristine() sysfs.Bond {
	return sysfs.Bond{
		Name:            "bond0",
		Mode:            "balance-rr",
		MIIStatus:       "down",
		PrimaryReselect: new("always"),
		FailOverMAC:     new("none"),
		Miimon:          new(0),
		Updelay:         new(0),
		Downdelay:       new(0),
		PeerNotifDelay:  new(0),
		NumGratARP:      new(1),
		NumUnsolNA:      new(1),
		UseCarrier:      new(1),
		ARPInterval:     new(0),
		ARPValidate:     new("none"),
		ARPAllTargets:   new("any"),
		ARPMissedMax:    new(2),
		AllSlavesActive: new(0),
		ResendIGMP:      new(1),
		XmitHashPolicy:  new("layer2"),
		PacketsPerSlave: new(1),
		LPInterval:      new(1),
		TLBDynamicLB:    new(1),
		MinLinks:        new(0),
		AD:              sysfs.AD{Rate: new("slow"), Active: new("on"), Select: new("stable")},
	}
}

func TestBond(t *testing.T) {
	tests := []struct {
		name string
		root string
		bond string
		// change makes what is wanted from the pristine bond.
		change func(*sysfs.Bond)
	}{
		{
			name:   "pristine bond of the module",
			bond:   "bond0",
			change: func(*sysfs.Bond) {},
		},
		{
			name: "active-backup with miimon and a primary",
			bond: "bond1",
			change: func(b *sysfs.Bond) {
				b.Mode = "active-backup"
				b.MIIStatus = "up"
				b.Slaves = []string{"veth0", "veth2"}
				b.ActiveSlave = "veth2"
				b.Primary = "veth0"
				b.PrimaryReselect = new("better")
				b.Miimon = new(100)
				b.Updelay = new(200)
				b.Downdelay = new(400)
				b.PeerNotifDelay = new(300)
				b.NumGratARP = new(3)
				b.NumUnsolNA = new(3)
				b.QueueIDs = map[string]int{"veth0": 0, "veth2": 2}
			},
		},
		{
			name: "active-backup with arp monitoring",
			bond: "bond2",
			change: func(b *sysfs.Bond) {
				b.Mode = "active-backup"
				b.Slaves = []string{"veth4"}
				b.FailOverMAC = new("active")
				b.ARPInterval = new(250)
				b.ARPIPTarget = []netip.Addr{
					netip.MustParseAddr("192.0.2.1"),
					netip.MustParseAddr("198.51.100.7"),
				}
				b.ARPValidate = new("filter_active")
				b.ARPAllTargets = new("all")
				b.ARPMissedMax = new(4)
				b.QueueIDs = map[string]int{"veth4": 0}
			},
		},
		{
			name: "802.3ad as root sees it",
			bond: "bond3",
			change: func(b *sysfs.Bond) {
				lacp(b)
				b.AD.ActorKey = new(463)
				b.AD.PartnerKey = new(1)
				b.AD.PartnerMAC = mac(t, "00:00:00:00:00:00")
				b.AD.ActorSysPrio = new(65535)
				b.AD.ActorSystem = mac(t, "00:00:00:00:00:00")
				b.AD.UserPortKey = new(7)
			},
		},
		{
			name:   "802.3ad as others see it",
			root:   "testdata/linux-6.1-unprivileged",
			bond:   "bond3",
			change: lacp,
		},
	}

	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := tt.root
			if root == "" {
				root = fixture
			}
			want := pristine()
			want.Name = tt.bond
			tt.change(&want)

			got, err := sysfs.New(root).Bond(tt.bond)
			if err != nil {
				t.Fatalf("read bond: %v", err)
			}
			if diff := cmp.Diff(want, got, addrs); diff != "" {
				t.Errorf("bond (-want +got):\n%s", diff)
			}
		})
	}
}

// lacp changes a pristine bond into what anyone may know of bond3.
func lacp(b *sysfs.Bond) {
	b.Mode = "802.3ad"
	b.MIIStatus = "up"
	b.Slaves = []string{"veth6"}
	b.Miimon = new(100)
	b.QueueIDs = map[string]int{"veth6": 0}
	b.XmitHashPolicy = new("layer3+4")
	b.MinLinks = new(1)
	b.AD = sysfs.AD{
		Rate: new("fast"), Active: new("on"), Select: new("bandwidth"),
		Aggregator: new(1), NumPorts: new(1),
	}
}

func TestBondOfAnotherKernel(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		want  sysfs.Bond
	}{
		{
			name: "old one without newer options",
			files: map[string]string{
				"bond0/bonding/mode":   "active-backup 1\n",
				"bond0/bonding/miimon": "50\n",
				"bond0/bonding/slaves": "eth0\n",
			},
			want: sysfs.Bond{Name: "bond0", Mode: "active-backup", Miimon: new(50), Slaves: []string{"eth0"}},
		},
		{
			name: "future one with ns_ip6_target",
			files: map[string]string{
				"bond0/bonding/mode":          "active-backup 1\n",
				"bond0/bonding/ns_ip6_target": "2001:db8::1 fe80::1\n",
				"bond0/bonding/slaves":        "",
			},
			want: sysfs.Bond{
				Name: "bond0", Mode: "active-backup",
				NSIP6Target: []netip.Addr{netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("fe80::1")},
			},
		},
	}

	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tree(t, tt.files).Bond("bond0")
			if err != nil {
				t.Fatalf("read bond: %v", err)
			}
			if diff := cmp.Diff(tt.want, got, addrs); diff != "" {
				t.Errorf("bond (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBondErrors(t *testing.T) {
	broken := tree(t, map[string]string{
		"notalone/flags":           "0x1003\n",
		"half/bonding/mode":        "active-backup 1\n",
		"number/bonding/slaves":    "eth0\n",
		"number/bonding/miimon":    "often\n",
		"directory/bonding/slaves": "eth0\n",
	})
	deny(t, broken, "directory/bonding/mode")

	tests := []struct {
		name     string
		sysfs    sysfs.FS
		bond     string
		notExist bool
		contains string
	}{
		{name: "no such device", sysfs: sysfs.New(fixture), bond: "bond9", notExist: true},
		{name: "no bond", sysfs: sysfs.New(fixture), bond: "veth8", notExist: true},
		{name: "file of the class", sysfs: sysfs.New(fixture), bond: "bonding_masters", notExist: true},
		{name: "no sysfs", sysfs: sysfs.New("testdata/nowhere"), bond: "bond0", notExist: true},
		{name: "half removed", sysfs: broken, bond: "half", notExist: true},
		{name: "no number", sysfs: broken, bond: "number", contains: `bonding/miimon: not a number: "often"`},
		{name: "unreadable", sysfs: broken, bond: "directory", contains: "bonding/mode: is a directory"},
		{name: "name that leads elsewhere", sysfs: sysfs.New(fixture), bond: "../net/bond0", contains: "invalid interface name"},
	}

	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.sysfs.Bond(tt.bond)
			if err == nil {
				t.Fatal("no error")
			}
			if is := errors.Is(err, fs.ErrNotExist); is != tt.notExist {
				t.Errorf("fs.ErrNotExist: got %v, want %v: %v", is, tt.notExist, err)
			}
			if !strings.Contains(err.Error(), tt.contains) {
				t.Errorf("error: got %q, want it to contain %q", err, tt.contains)
			}
			if diff := cmp.Diff(sysfs.Bond{}, got, addrs); diff != "" {
				t.Errorf("bond of an error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBondWithManySlaves(t *testing.T) {
	files := map[string]string{"bond0/bonding/mode": "balance-rr 0\n"}
	var names []string
	for i := range 300 {
		name := fmt.Sprintf("interface%03d", i)
		names = append(names, name)
		files["bond0/lower_"+name] = ""
	}

	t.Run("page larger than the buffer", func(t *testing.T) {
		files["bond0/bonding/slaves"] = strings.Join(names, " ") + "\n"

		got, err := tree(t, files).Bond("bond0")
		if err != nil {
			t.Fatalf("read bond: %v", err)
		}
		if diff := cmp.Diff(names, got.Slaves); diff != "" {
			t.Errorf("slaves (-want +got):\n%s", diff)
		}
	})

	t.Run("list cut short", func(t *testing.T) {
		files["bond0/bonding/slaves"] = strings.Join(names[:270], " ") + " inter ++more++\n"

		got, err := tree(t, files).Bond("bond0")
		if err != nil {
			t.Fatalf("read bond: %v", err)
		}
		if diff := cmp.Diff(names, got.Slaves); diff != "" {
			t.Errorf("slaves (-want +got):\n%s", diff)
		}
	})
}

func TestBonds(t *testing.T) {
	tests := []struct {
		name  string
		sysfs sysfs.FS
		want  []string
	}{
		{
			name:  "order of the kernel",
			sysfs: tree(t, map[string]string{"bonding_masters": "bond9 bond0 alpha\n"}),
			want:  []string{"bond9", "bond0", "alpha"},
		},
		{
			name:  "real one",
			sysfs: sysfs.New(fixture),
			want:  []string{"bond0", "bond1", "bond2", "bond3"},
		},
		{
			name:  "module without bonds",
			sysfs: tree(t, map[string]string{"bonding_masters": ""}),
		},
		{
			name:  "no module",
			sysfs: tree(t, map[string]string{"eth0/flags": "0x1003\n"}),
		},
		{
			name: "list cut short",
			sysfs: tree(t, map[string]string{
				"bonding_masters":    "bond1 bon ++more++\n",
				"bond1/bonding/mode": "balance-rr 0\n",
				"bond2/bonding/mode": "balance-rr 0\n",
				"eth0/flags":         "0x1003\n",
			}),
			want: []string{"bond1", "bond2"},
		},
	}

	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.sysfs.Bonds()
			if err != nil {
				t.Fatalf("list bonds: %v", err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("bonds (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBondsWithoutSysfs(t *testing.T) {
	// Not to be taken for a kernel without bonding.
	_, err := sysfs.New("testdata/nowhere").Bonds()
	if !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("list bonds: got %v, want %v", err, fs.ErrNotExist)
	}
}

func TestRootThroughDescriptor(t *testing.T) {
	dir, err := os.Open(fixture)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()

	got, err := sysfs.New(fmt.Sprintf("/proc/self/fd/%d", dir.Fd())).Bond("bond1")
	if err != nil {
		t.Fatalf("read bond: %v", err)
	}
	if got.ActiveSlave != "veth2" {
		t.Errorf("active slave: got %q, want veth2", got.ActiveSlave)
	}
}

// deny puts a directory in the place of a file, whose reading is then an error
// even for root.
func deny(t *testing.T, f sysfs.FS, path string) {
	t.Helper()

	if err := os.MkdirAll(filepath.Join(f.Root(), "class/net", path), 0o755); err != nil {
		t.Fatal(err)
	}
}
