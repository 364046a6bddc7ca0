package importer

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// wpa notes an option of wpa_supplicant's hooks for ifup.
func (i *ifaceReader) wpa(name, value string, at place) {
	l := i.link
	i.radio = true
	switch name {
	case "conf", "roam":
		if !filepath.IsAbs(value) {
			l.leave(at, "bondctl's wpa_conf is the whole path of a file")
			return
		}
		i.station().wpaConf = &entry{"member.wpa_conf", value, at}
		if name == "roam" {
			l.remark(at, "taken as wpa_conf: the bond has one configuration, so what id_str and mappings said is gone")
		}
	case "iface":
		i.station()
	case "bridge":
		l.leave(at, "bondctl's wpa_supplicant needs no such help in a bond")
	case "driver":
		l.leave(at, "bondctl's wpa_supplicant finds the driver by itself")
	default:
		i.inlined(name, value, at)
	}
}

// inlined notes a setting of a network that stands in the file itself.
func (i *ifaceReader) inlined(name, value string, at place) {
	key := strings.ReplaceAll(name, "-", "_")
	switch {
	case isSecret(name):
		value = " (the key isn't copied)"
		key = "# " + key + "="
	case key == "ssid":
		value = fmt.Sprintf("%q", strings.Trim(value, `"`))
		key = "ssid="
	default:
		key += "="
	}
	if slices.Contains([]string{"ap_scan", "country", "ctrl_interface", "update_config", "fast_reauth", "eapol_version"}, strings.TrimSuffix(key, "=")) {
		i.global = append(i.global, key+value)
	} else {
		i.inline = append(i.inline, "  "+key+value)
	}
	if i.inlineAt.file == "" {
		i.inlineAt = at
		i.inlineAt.text = ""
	}
	i.inlineAt.last = max(i.inlineAt.last, at.last)
	text := strings.Fields("wpa-" + name)[0]
	i.inlineAt.text = strings.TrimPrefix(i.inlineAt.text+", "+text, ", ")
}

// station is the link that wpa_supplicant is for: the stanza's own or, in a bond's, the
// one that wpa-iface names.
func (i *ifaceReader) station() *link {
	for _, o := range i.stanza.Options {
		if strings.ReplaceAll(o.Name, "_", "-") == "wpa-iface" {
			l := i.found.called(o.Value, optionPlace(o))
			l.wifi = true
			return l
		}
	}
	if i.link.isBond {
		for _, e := range i.link.slaves {
			if name := e.value.(string); strings.HasPrefix(name, "wl") {
				l := i.found.called(name, e.at)
				l.wifi = true
				return l
			}
		}
	}
	return i.link
}

// supplicant says what is to become of networks that stand in the file itself.
func (i *ifaceReader) supplicant() {
	if !i.radio {
		return
	}
	station := i.station()
	station.wifi = !station.isBond
	if i.inline == nil && i.global == nil {
		return
	}
	lines := slices.Concat(i.global, []string{"network={"}, i.inline, []string{"}"})
	i.link.leave(i.inlineAt, "bondctl's configuration has no networks; write a wpa_supplicant.conf (mode 0600) and name it by wpa_conf:\n"+
		strings.Join(lines, "\n"))
}

// startsSupplicant takes the file out of a command that starts wpa_supplicant.
func (l *link) startsSupplicant(args []string, at place) {
	path, dev := "", l.name
	for i, arg := range args {
		for flag, into := range map[string]*string{"-c": &path, "-i": &dev} {
			value, ok := strings.CutPrefix(arg, flag)
			if ok && value == "" && i+1 < len(args) {
				value = args[i+1]
			}
			if ok {
				*into = value
			}
		}
	}
	if dev != l.name || !filepath.IsAbs(path) {
		l.leave(at, notRun)
		return
	}
	l.wpaConf, l.wifi = &entry{"member.wpa_conf", path, at}, true
	l.remark(at, "its file is taken as wpa_conf: bondctl starts the supplicant")
}

// wireless notes an option of wireless-tools.
func (i *ifaceReader) wireless(at place) {
	i.radio = true
	for _, o := range i.stanza.Options {
		if strings.ReplaceAll(o.Name, "_", "-") == "wpa-conf" {
			i.link.leave(at, "ignored beside wpa-conf, which says which networks there are")
			return
		}
	}
	i.link.leave(at, "bondctl's configuration has no networks; write a wpa_supplicant.conf and name it by wpa_conf")
}
