package doctor

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// Online is who delays network-online.target at boot, and until when.
type Online struct {
	// Networkd is the unit of systemd-networkd-wait-online that is enabled; "" for none. It
	// may name an interface behind an @.
	Networkd string
	// NetworkManager says that NetworkManager-wait-online is enabled.
	NetworkManager bool

	// States are networkd's of each link, by name: unmanaged, configuring, configured...
	States map[string]string
	// Managed are the members that NetworkManager looks after.
	Managed []string

	// Kept says that systemd starts the bond's keeper at boot, and Awaited that a unit
	// which is enabled delays network-online.target until the bond has its address.
	Kept, Awaited bool
	// Waits are the units that start once network-online.target is reached.
	Waits []string
}

// checkWaitOnline tells of a boot that hangs, and of one that waits for nothing.
func checkWaitOnline(f *Facts) (found []Finding) {
	found = append(found, f.hangingNetworkd()...)
	for _, name := range f.Online.Managed {
		if m, is := f.member(name); is && m.Enslaved && f.Online.NetworkManager {
			found = append(found, about(name, Finding{Severity: Warns,
				Seen: fmt.Sprintf("NetworkManager-wait-online is enabled, and NetworkManager still manages %s", name),
				Why:  "at boot it waits until NetworkManager is done with each of its devices, up to a minute for one that it can't have",
				Mend: "systemctl disable NetworkManager-wait-online.service, or have NetworkManager leave the member alone"}))
		}
	}
	leased := f.Config != nil && f.Config.WantsDHCP()
	others := f.Online.Networkd != "" && f.Online.managesBond(f.Name)
	if f.Online.Kept && leased && !f.Online.Awaited && !others && len(f.Online.Waits) > 0 {
		found = append(found, Finding{Severity: Warns,
			Seen: fmt.Sprintf("%s starts once the network is online, and nothing waits until %s has its address", strings.Join(f.Online.Waits, ", "), f.Name),
			Why:  "at boot they start before there is a network",
			Mend: fmt.Sprintf("systemctl edit bondctl@%s, and write:\n[Unit]\nBefore=network-online.target\n[Service]\nExecStartPost=/bin/sh -c 'until ip -4 -o address show dev %[1]s | grep -q inet; do sleep 1; done'", f.Name)})
	}
	return found
}

// hangingNetworkd tells of a systemd-networkd-wait-online that waits for what networkd will
// never see configured.
func (f *Facts) hangingNetworkd() []Finding {
	unit := f.Online.Networkd
	if unit == "" {
		return nil
	}
	const why = "at boot it waits for that for two minutes and then fails, and so does what comes after it"
	mend := fmt.Sprintf("systemctl disable %s", unit)
	if _, named, is := strings.Cut(strings.TrimSuffix(unit, ".service"), "@"); is {
		if m, is := f.member(named); is {
			return []Finding{about(m.Name, Finding{Severity: Warns, Why: why, Mend: mend, Seen: fmt.Sprintf("%s is enabled, and %s is a member of the bond, which has no address", unit, m.Name)})}
		}
		return nil
	}
	var found []Finding
	for _, m := range f.slaves() {
		if s := f.Online.States[m.Name]; s == "configuring" || s == "pending" || s == "failed" {
			found = append(found, about(m.Name, Finding{Severity: Warns, Why: why,
				Seen: fmt.Sprintf("%s is enabled, and networkd is still at work on %s (%s), which is in the bond", unit, m.Name, s),
				Mend: fmt.Sprintf("have networkd leave it alone:\nprintf '[Match]\\nName=%s\\n[Link]\\nUnmanaged=yes\\n' > /etc/systemd/network/05-bondctl-%[1]s.network; networkctl reload", m.Name)}))
		}
	}
	managed := func(state string) bool { return state != "unmanaged" && state != "" }
	if len(f.Online.States) > 0 && !slices.ContainsFunc(f.linkNames(), func(name string) bool { return managed(f.Online.States[name]) }) {
		found = append(found, Finding{Severity: Warns, Why: why, Mend: mend, Seen: unit + " is enabled, and networkd manages no link at all"})
	}
	return found
}

// linkNames are those of all links but lo.
func (f *Facts) linkNames() []string {
	names := f.names()
	for _, l := range f.Others {
		if l.Name != "lo" {
			names = append(names, l.Name)
		}
	}
	return names
}

// managesBond says whether networkd looks after the bond, and so waits for it.
func (o Online) managesBond(name string) bool {
	return o.States[name] != "" && o.States[name] != "unmanaged"
}

// online reads what is enabled, and what networkd and NetworkManager say of links.
func (r reader) online(f *Facts) {
	if !r.exists("run/systemd/system") || f.Name == "" {
		return
	}
	o := &f.Online
	for _, folder := range unitFolders {
		for _, unit := range r.names(folder + "/network-online.target.wants") {
			switch {
			case strings.HasPrefix(unit, "systemd-networkd-wait-online"):
				if !r.altered(unit) {
					o.Networkd = unit
				}
			case unit == "NetworkManager-wait-online.service":
				o.NetworkManager = true
			case strings.Contains(unit, "bondctl"):
				o.Awaited = true
			}
		}
	}
	o.States = map[string]string{}
	for _, l := range f.Others {
		r.networkd(o, l.Name, l.Index)
	}
	for _, m := range f.present() {
		r.networkd(o, m.Name, m.Index)
		if r.managedByNM(f, m) {
			o.Managed = append(o.Managed, m.Name)
		}
	}
	r.keptAtBoot(o, f.Name)
}

// altered says whether somebody has told a unit something else, or masked it. Newer netplan does
// that to systemd-networkd-wait-online, so that it waits for what there is to wait for.
func (r reader) altered(unit string) bool {
	template, instance, is := strings.Cut(unit, "@")
	folders := []string{unit + ".d"}
	if is && instance != "" {
		folders = append(folders, template+"@.service.d")
	}
	for _, folder := range unitFolders {
		if target, err := os.Readlink(r.path(folder + "/" + unit)); err == nil && target == "/dev/null" {
			return true
		}
		for _, dropIns := range folders {
			if slices.ContainsFunc(r.names(folder+"/"+dropIns), func(name string) bool { return strings.HasSuffix(name, ".conf") }) {
				return true
			}
		}
	}
	return false
}

// unitFolders have the links of the units that are enabled.
var unitFolders = []string{"etc/systemd/system", "run/systemd/system", "usr/lib/systemd/system"}

// networkd notes what networkd says of a link (/run/systemd/netif).
func (r reader) networkd(o *Online, name string, index int) {
	if state := unquoted(r.line(fmt.Sprintf("run/systemd/netif/links/%d", index)), "ADMIN_STATE"); state != "" {
		o.States[name] = state
	}
}

// keptAtBoot finds out whether the bond's keeper is enabled, who waits for the network then,
// and whether a drop-in has them wait for the bond.
func (r reader) keptAtBoot(o *Online, name string) {
	for _, folder := range r.names("etc/systemd/system") {
		if !strings.HasSuffix(folder, ".wants") {
			continue
		}
		for _, unit := range r.names("etc/systemd/system/" + folder) {
			if unit == "bondctl@"+name+".service" {
				o.Kept = true
				continue
			}
			// It may be a link into /usr, which isn't below another root.
			text, _ := r.text("etc/systemd/system/" + folder + "/" + unit)
			if folder != "network-online.target.wants" && wantsOnline(text) {
				o.Waits = append(o.Waits, unit)
			}
		}
	}
	dropIns, _ := r.files("etc/systemd/system/bondctl@.service.d/*.conf", "etc/systemd/system/bondctl@"+name+".service.d/*.conf")
	for _, f := range dropIns {
		for _, s := range parseSections(f.text) {
			o.Awaited = o.Awaited || s.section == "Unit" && s.key == "Before" && slices.Contains(strings.Fields(s.value), onlineTarget)
		}
	}
}

const onlineTarget = "network-online.target"

// wantsOnline says whether a unit waits for network-online.target.
func wantsOnline(text string) bool {
	return slices.ContainsFunc(parseSections(text), func(s setting) bool {
		return s.section == "Unit" && s.key == "After" && slices.Contains(strings.Fields(s.value), onlineTarget)
	})
}
