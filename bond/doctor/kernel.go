package doctor

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/bondctl/bondctl/bond"
)

// A Kernel is the running kernel, as far as bonding goes.
type Kernel struct {
	Release string // such as 6.1.0-40-amd64
	Driver  Driver
}

// Driver says where the bonding driver is.
type Driver string

// The values of Driver. The zero value is for what isn't known.
const (
	DriverLoaded   Driver = "loaded"   // or built in
	DriverModule   Driver = "module"   // it can be loaded
	DriverMissing  Driver = "missing"  // the kernel's modules are there, without it
	DriverNoFolder Driver = "nofolder" // the running kernel's modules aren't there at all
)

func checkDriver(f *Facts) []Finding {
	const why = "without the kernel's bonding driver there can be no bond"
	switch f.Kernel.Driver {
	case DriverMissing:
		return []Finding{{Severity: Fails, Why: why,
			Seen: fmt.Sprintf("Linux %s has no bonding driver: it is neither loaded nor in /lib/modules/%[1]s", f.Kernel.Release),
			Mend: "install the package with the rest of this kernel's modules (linux-modules-extra on Ubuntu, kernel-modules on Fedora), or boot a kernel that has it"}}
	case DriverNoFolder:
		return []Finding{{Severity: Fails, Why: why,
			Seen: fmt.Sprintf("the bonding driver isn't loaded, and can't be: /lib/modules has nothing for the running Linux %s", f.Kernel.Release),
			Mend: "reboot, if the kernel was upgraded since the last boot; in a container, load it on the host: modprobe bonding max_bonds=0"}}
	}
	return nil
}

// version is the kernel's, such as 6, 1; false where it can't be told.
func (k Kernel) version() (major, minor int, ok bool) {
	a, rest, _ := strings.Cut(k.Release, ".")
	b, _, _ := strings.Cut(rest, ".")
	if i := strings.IndexFunc(b, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
		b = b[:i]
	}
	major, errMajor := strconv.Atoi(a)
	minor, errMinor := strconv.Atoi(b)
	return major, minor, errMajor == nil && errMinor == nil
}

// older says whether the kernel is known to be older than a version.
func (k Kernel) older(major, minor int) bool {
	a, b, ok := k.version()
	return ok && (a < major || a == major && b < minor)
}

// checkKernelOptions tells what is wanted and this kernel's driver can't do. A bond that is
// there shows it; otherwise it goes by the version.
func checkKernelOptions(f *Facts) (found []Finding) {
	if f.Config == nil {
		return nil
	}
	say := func(severity Severity, what, since, why, mend string) {
		found = append(found, Finding{Severity: severity,
			Seen: fmt.Sprintf("%s is wanted, and Linux %s doesn't know it (it came with Linux %s)", what, f.Kernel.Release, since), Why: why, Mend: mend})
	}
	if f.Config.Options.ARPMissedMax != nil && f.lacks(5, 17, func(o bond.Options) bool { return o.ARPMissedMax != nil }) {
		say(Warns, "arp_missed_max", "5.17", "such a driver waits for 2 missed answers, whatever is asked of it", "leave arp_missed_max out, or boot a newer kernel")
	}
	if len(f.Config.Options.NSIP6Target) > 0 && f.lacks(5, 18, func(o bond.Options) bool { return o.NSIP6Target != nil }) {
		say(Fails, "an IPv6 address in arp_ip_target", "5.18", "nobody is asked there, so the bond never notices a dead path", "name an IPv4 address in arp_ip_target")
	}
	if len(f.Members) > 1 && f.Config.Primary == "" && f.lacksPrio() {
		say(Warns, "an order of the members", "6.0", "without a primary such a driver takes whichever member comes up first", `name the preferred one: primary = "`+first(f.Members)+`"`)
	}
	return found
}

// lacks says whether the driver can't do something: by an option of the bond that is there, or
// else by the version that brought it.
func (f *Facts) lacks(major, minor int, has func(bond.Options) bool) bool {
	if f.Bond != nil {
		return !has(f.Bond.Options)
	}
	return f.Kernel.older(major, minor)
}

func (f *Facts) lacksPrio() bool {
	if f.Bond == nil {
		return f.Kernel.older(6, 0)
	}
	for _, m := range f.Bond.Members {
		if m.Role == bond.RoleActive || m.Role == bond.RoleBackup {
			return m.Prio == nil
		}
	}
	return false
}

// first is the first member's name, or what asks for it.
func first(members []Member) string {
	if members[0].Name != "" {
		return members[0].Name
	}
	return members[0].Wanted
}

// checkModuleBond tells of the bond that the driver makes when it is loaded without
// max_bonds=0. An up takes it over if it has the wanted name.
func checkModuleBond(f *Facts) (found []Finding) {
	for _, name := range f.Pristine {
		if name == f.Name && f.Config != nil {
			continue
		}
		found = append(found, Finding{Severity: Warns,
			Seen: fmt.Sprintf("%s is there, empty and down, in mode balance-rr: the driver makes one by itself when it is loaded without max_bonds=0", name),
			Why:  "other programs take it for a bond that somebody wants, and it comes back with each boot",
			Mend: fmt.Sprintf("echo options bonding max_bonds=0 > /etc/modprobe.d/bonding.conf; ip link delete %s", name)})
	}
	return found
}

// kernel looks for the driver.
func (r reader) kernel(f *Facts) {
	f.Kernel.Release = r.line("proc/sys/kernel/osrelease")
	modules := "lib/modules/" + f.Kernel.Release
	if booted := "run/booted-system/kernel-modules/" + modules; r.exists(booted) { // NixOS
		modules = booted
	}
	switch {
	case f.Bond != nil || r.exists("sys/module/bonding") || r.exists("proc/net/bonding"):
		f.Kernel.Driver = DriverLoaded
	case f.Kernel.Release == "":
	case !r.exists(modules + "/modules.dep"):
		f.Kernel.Driver = DriverNoFolder
	case strings.Contains(r.large(modules+"/modules.dep"), "/bonding.ko"), strings.Contains(r.large(modules+"/modules.builtin"), "/bonding.ko"):
		f.Kernel.Driver = DriverModule
	default:
		f.Kernel.Driver = DriverMissing
	}
}

// pristine finds the bonds that the driver has made by itself.
func (g Gatherer) pristine(f *Facts) {
	names, err := g.sysfs().Bonds()
	f.unknown(err, "module-bond")
	for _, name := range names {
		b, err := g.sysfs().Bond(name)
		d, errDevice := g.sysfs().Device(name)
		const up = 1 // IFF_UP
		if err == nil && errDevice == nil && b.Mode == "balance-rr" && len(b.Slaves) == 0 && d.Flags&up == 0 {
			f.Pristine = append(f.Pristine, name)
		}
	}
}
