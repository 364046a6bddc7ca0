package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bondctl/bondctl/bond"
)

// A Randomizer is a program that gives a Wi-Fi member a MAC address of its own making.
type Randomizer struct {
	Program   string // wpa_supplicant, NetworkManager or iwd
	Interface string // "" for every Wi-Fi interface
	File      string // where that is written; "" where it is the program's default
	Setting   string // as it is written
	Scan      bool   // only while it looks for networks
	Mend      string
}

// checkRandomMAC tells of MAC addresses that change behind the bond's back.
func checkRandomMAC(f *Facts) (found []Finding) {
	for _, m := range f.present() {
		for _, r := range f.Randomizers {
			if !m.WiFi || r.Interface != "" && r.Interface != m.Name || r.Scan && !f.carriesBonds() {
				continue
			}
			found = append(found, about(m.Name, f.randomMAC(m, r)))
		}
	}
	return found
}

func (f *Facts) randomMAC(m Member, r Randomizer) Finding {
	where := "by default"
	if r.File != "" {
		where = "as " + r.File + " says"
	}
	finding := Finding{Severity: Warns, Mend: r.Mend,
		Seen: fmt.Sprintf("%s gives %s random MAC addresses, %s (%s)", r.Program, m.Name, where, r.Setting),
		Why:  "with each new address the bond is a new machine to its DHCP server and its neighbours, so addresses and connections don't survive"}
	switch {
	case r.Scan:
		finding.Why = "when it has looked, the member gets its permanent address back, and with fail_over_mac none it must carry the bond's"
	case f.carriesBonds():
		finding.Severity, finding.Why = Fails, "with fail_over_mac none the member must carry the bond's MAC address; with another one nothing arrives over it"
	}
	return finding
}

// carriesBonds says whether every member must carry the bond's MAC address. Otherwise it
// doesn't matter which one a member has while it looks for networks.
func (f *Facts) carriesBonds() bool {
	return value(f.Options.FailOverMAC) == bond.FailOverMACNone
}

// randomizes says whether anybody gives a member random MAC addresses.
func (f *Facts) randomizes(name string) bool {
	m, _ := f.member(name)
	return m.WiFi && slices.ContainsFunc(f.Randomizers, func(r Randomizer) bool { return r.Interface == "" || r.Interface == name })
}

// randomWPA finds in a wpa_supplicant.conf(5) what makes addresses random: mac_addr and
// preassoc_mac_addr, the one while it is associated and the other before, at 1 or 2, and 3,
// which is an address by the network's name.
func randomWPA(text string) (setting string, scan, found bool) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		key, value, _ := strings.Cut(line, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		isOn := value == "1" || value == "2" || value == "3"
		switch {
		case key == "mac_addr" && isOn:
			return line, false, true
		case key == "preassoc_mac_addr" && isOn && !found:
			setting, scan, found = line, true, true
		}
	}
	return setting, scan, found
}

// fixedMAC are the values of NetworkManager's cloned-mac-address that change nothing, or give
// an address that stays for good.
func fixedMAC(value string) bool {
	return value == "" || value == "permanent" || value == "preserve" || strings.Contains(value, ":")
}

// randomNM finds in NetworkManager's configuration, in the order in which it is read, and in
// its connections what makes the addresses of Wi-Fi random.
func randomNM(config, connections []file) (all []Randomizer) {
	const mend = "printf '[connection-bondctl]\\nwifi.cloned-mac-address=permanent\\n[device-bondctl]\\nwifi.scan-rand-mac-address=no\\n' > /etc/NetworkManager/conf.d/90-bondctl-mac.conf; nmcli general reload"
	scan := Randomizer{Program: "NetworkManager", Setting: "wifi.scan-rand-mac-address=yes", Scan: true, Mend: mend}
	scans := true
	var cloned *Randomizer
	for _, f := range config {
		for _, s := range parseSections(f.text) {
			switch {
			case strings.HasPrefix(s.section, "device") && s.key == "wifi.scan-rand-mac-address":
				scans = !slices.Contains([]string{"no", "false", "0"}, s.value)
				scan.File, scan.Setting = f.path, s.key+"="+s.value
			case strings.HasPrefix(s.section, "connection") && s.key == "wifi.cloned-mac-address":
				cloned = nil
				if !fixedMAC(s.value) {
					cloned = &Randomizer{Program: "NetworkManager", File: f.path, Setting: s.key + "=" + s.value, Mend: mend}
				}
			}
		}
	}
	if scans {
		all = append(all, scan)
	}
	if cloned != nil {
		all = append(all, *cloned)
	}
	for _, f := range connections {
		for _, s := range parseSections(f.text) {
			if (s.section == "wifi" || s.section == "802-11-wireless") && s.key == "cloned-mac-address" && !fixedMAC(s.value) {
				all = append(all, Randomizer{Program: "NetworkManager", File: f.path, Setting: s.key + "=" + s.value,
					Mend: fmt.Sprintf("change it to %s=permanent there; nmcli connection reload", s.key)})
			}
		}
	}
	return all
}

// randomIWD finds in iwd.config(5) whether it makes addresses random.
func randomIWD(f file) (Randomizer, bool) {
	for _, s := range parseSections(f.text) {
		if s.section == "General" && s.key == "AddressRandomization" && (s.value == "once" || s.value == "network") {
			return Randomizer{Program: "iwd", File: f.path, Setting: s.key + "=" + s.value,
				Mend: fmt.Sprintf("change it to %s=disabled in %s; systemctl restart iwd", s.key, f.path)}, true
		}
	}
	return Randomizer{}, false
}

// randomizers reads the configurations of those who associate Wi-Fi members.
func (r reader) randomizers(f *Facts, processes []process) {
	if !slices.ContainsFunc(f.present(), func(m Member) bool { return m.WiFi }) {
		return
	}
	if runs(processes, "NetworkManager") {
		config, err := r.dropIns(".conf", "etc/NetworkManager/conf.d", "run/NetworkManager/conf.d", "usr/lib/NetworkManager/conf.d")
		own, errOwn := r.files("etc/NetworkManager/NetworkManager.conf")
		connections, errSecret := r.files("etc/NetworkManager/system-connections/*.nmconnection", "run/NetworkManager/system-connections/*.nmconnection")
		for _, err := range []error{err, errOwn, errSecret} {
			f.unknown(err, "mac-randomization")
		}
		for _, m := range f.present() {
			if m.WiFi && r.managedByNM(f, m) {
				for _, found := range randomNM(append(own, config...), connections) {
					found.Interface = m.Name
					f.Randomizers = append(f.Randomizers, found)
				}
			}
		}
	}
	if f.IWD = runs(processes, "iwd"); f.IWD {
		config, err := r.files("etc/iwd/main.conf")
		f.unknown(err, "mac-randomization")
		for _, file := range config {
			if found, is := randomIWD(file); is {
				f.Randomizers = append(f.Randomizers, found)
			}
		}
	}
}

// managedByNM says whether NetworkManager looks after a link: by what it says, or else by what
// it has written down of each.
func (r reader) managedByNM(f *Facts, m Member) bool {
	if slices.ContainsFunc(f.Holds, func(h Hold) bool { return h.Manager == "NetworkManager" && h.Interface == m.Name }) {
		return true
	}
	text, err := r.text(fmt.Sprintf("run/NetworkManager/devices/%d", m.Index))
	if err != nil {
		return false
	}
	return slices.Contains(parseSections(text), setting{"device", "managed", "true"})
}

// wpaConfs reads the files by which wpa_supplicants associate members: the keeper's, and others'.
func (r reader) wpaConfs(f *Facts) {
	for _, m := range f.present() {
		paths := []string{m.WPAConf}
		for _, s := range f.Supplicants {
			if slices.Contains(s.Interfaces, m.Name) {
				paths = append(paths, s.Configs...)
			}
		}
		slices.Sort(paths)
		for _, path := range slices.Compact(paths) {
			if !m.WiFi || !strings.HasPrefix(path, "/") {
				continue
			}
			text, err := r.text(path)
			f.unknown(err, "mac-randomization")
			setting, scan, found := randomWPA(text)
			if found {
				f.Randomizers = append(f.Randomizers, Randomizer{Program: "wpa_supplicant", Interface: m.Name, File: path, Setting: setting, Scan: scan,
					Mend: fmt.Sprintf("take %s out of %s; bondctl up %s", setting, path, f.Name)})
			}
		}
	}
}
