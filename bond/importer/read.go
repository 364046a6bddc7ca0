package importer

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bondctl/bondctl/bond/ifupdown"
)

// A file is one that was read.
type file struct {
	path string
	text []byte
}

func (f file) base() string { return filepath.Base(f.path) }

// A format is one that there is a reader of.
type format struct {
	name string
	is   func(f file) bool
	// read makes something of files. It is nil for interfaces(5), which finds its files
	// by itself.
	read func(files []file) (*found, error)
	// folder says that what belongs together is spread over a folder's files.
	folder bool
}

var formats = []format{
	{name: "networkd", is: isNetworkd, read: networkd, folder: true},
	{name: "NetworkManager", is: isKeyfile, read: networkManager, folder: true},
	{name: "ifcfg", is: isIfcfg, read: ifcfg, folder: true},
	{name: "teamd", is: isTeamd, read: teamd},
	{name: "netplan", is: isNetplan, read: netplan, folder: true},
	{name: "Talos", is: isTalos, read: talos},
	{name: "interfaces", is: isInterfaces},
}

const maxFolder = 512 // files that are read of a folder

// read finds out what a path is, and has the reader of its format read it.
func read(path string, files Files) (*found, error) {
	inside, err := files.Glob(filepath.Join(escapeGlob(path), "*"))
	if err != nil {
		return nil, err
	}
	if len(inside) > 0 {
		return readFolder(path, inside, files)
	}
	text, err := files.Read(path)
	if err != nil {
		if errors.Is(err, ifupdown.ErrNotRegular) {
			return nil, &Error{path, "it is neither a file nor a folder with files in it"}
		}
		return nil, err
	}
	f := file{path, clean(text)}
	if len(bytes.TrimSpace(f.text)) == 0 {
		return nil, &Error{path, "it is empty"}
	}
	k := formatOf(f)
	switch {
	case k == nil:
		return nil, &Error{path, "it is none of the formats that are known: " + formatNames()}
	case k.read == nil:
		return interfaces(path, files)
	case k.folder:
		return k.beside(f, files)
	}
	return k.read([]file{f})
}

func formatNames() string {
	var names []string
	for _, k := range formats {
		names = append(names, k.name)
	}
	return strings.Join(names, ", ")
}

func formatOf(f file) *format {
	for i := range formats {
		if formats[i].is(f) {
			return &formats[i]
		}
	}
	return nil
}

// clean takes off what editors and other systems put into a text.
func clean(text []byte) []byte {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	return bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
}

func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// beside reads a file with those of its format in the same folder, for a bond's members
// have files of their own. It is the file's bonds that are meant, if it has any.
func (k *format) beside(f file, files Files) (*found, error) {
	alone, err := k.read([]file{f})
	if err != nil {
		return nil, err
	}
	inside, err := files.Glob(filepath.Join(escapeGlob(filepath.Dir(f.path)), "*"))
	if err != nil || k.name == "netplan" {
		return alone, err
	}
	texts, _, err := readAll(inside, files, func(g file) bool { return k.is(g) && (g.path == f.path || !isBackup(g.base())) })
	if err != nil {
		return nil, err
	}
	all, err := k.read(texts)
	if err != nil {
		return alone, nil // one of the others is broken
	}
	var names []string
	for _, b := range alone.bonds() {
		names = append(names, b.name)
	}
	for _, l := range all.links {
		l.isBond = l.isBond && (len(names) == 0 || slices.Contains(names, l.name))
	}
	return all, nil
}

// readFolder reads what is of one format in a folder. What has a bond goes before what has
// none.
func readFolder(path string, inside []string, files Files) (*found, error) {
	for _, p := range inside {
		if filepath.Base(p) == "interfaces" {
			return interfaces(p, files)
		}
	}
	inside, err := withDropIns(inside, files)
	if err != nil {
		return nil, err
	}
	all, broken, err := readAll(inside, files, func(f file) bool { return !isBackup(f.base()) && formatOf(f) != nil })
	if err != nil {
		return nil, err
	}
	var best *found
	var first error
	for i := range formats {
		k := &formats[i]
		mine := slices.DeleteFunc(slices.Clone(all), func(f file) bool { return formatOf(f) != k })
		if len(mine) == 0 {
			continue
		}
		one, err := k.readSeveral(mine, files)
		if err != nil {
			first = cmp.Or(first, err)
			continue
		}
		if best == nil || len(best.bonds()) == 0 && len(one.bonds()) > 0 {
			best = one
		}
	}
	if first != nil && (best == nil || len(best.bonds()) == 0) {
		return nil, first
	}
	if best == nil {
		return nil, &Error{path, "no file in it is of a format that is known: " + formatNames()}
	}
	best.left = append(best.left, broken...)
	return best, nil
}

func (k *format) readSeveral(mine []file, files Files) (*found, error) {
	if k.read == nil {
		all := &found{}
		for _, f := range mine {
			one, err := interfaces(f.path, files)
			if err != nil {
				return nil, err
			}
			all.add(one)
		}
		return all, nil
	}
	return k.read(mine)
}

// add takes in what another has found.
func (f *found) add(one *found) {
	f.files = append(f.files, one.files...)
	f.links = append(f.links, one.links...)
	f.left = append(f.left, one.left...)
	f.notes = append(f.notes, one.notes...)
	f.above = append(f.above, one.above...)
	before := f.off
	f.off = func(links []*link, files []string) []string {
		if before == nil {
			return one.off(links, files)
		}
		return append(before(links, files), one.off(links, files)...)
	}
}

// withDropIns adds the files of folders such as 10-bond0.netdev.d.
func withDropIns(inside []string, files Files) ([]string, error) {
	all := slices.Clone(inside)
	for _, p := range inside {
		if base := filepath.Base(p); strings.HasSuffix(base, ".netdev.d") || strings.HasSuffix(base, ".network.d") {
			more, err := files.Glob(filepath.Join(escapeGlob(p), "*.conf"))
			if err != nil {
				return nil, err
			}
			all = append(all, more...)
		}
	}
	return all, nil
}

// readAll reads those files that are wanted. What can't be read is told of.
func readAll(paths []string, files Files, wanted func(file) bool) (list []file, broken []Remark, err error) {
	for _, p := range paths {
		text, err := files.Read(p)
		switch {
		case errors.Is(err, fs.ErrPermission):
			return nil, nil, err
		case errors.Is(err, ifupdown.ErrNotRegular), errors.Is(err, fs.ErrNotExist): // a folder, or a link to nowhere
			continue
		case err != nil:
			broken = append(broken, Remark{File: p, Reason: err.Error()})
			continue
		}
		if f := (file{p, clean(text)}); wanted(f) {
			list = append(list, f)
		}
		if len(list) > maxFolder {
			return nil, nil, &Error{filepath.Dir(p), fmt.Sprintf("it has more than %d files; name one of them", maxFolder)}
		}
	}
	return list, broken, nil
}

// isBackup says whether a name is that of a copy which an editor or a package manager has
// left.
func isBackup(base string) bool {
	return strings.HasPrefix(base, ".") || slices.ContainsFunc([]string{"~", ".bak", ".old", ".orig", ".swp", ".rpmsave", ".rpmnew", ".dpkg-old", ".dpkg-new", ".dpkg-dist"}, func(end string) bool {
		return strings.HasSuffix(base, end)
	})
}

func isInterfaces(f file) bool {
	for line := range bytes.Lines(f.text) {
		fields := strings.Fields(string(line))
		if len(fields) > 1 && (fields[0] == "iface" || fields[0] == "auto" || fields[0] == "source" || fields[0] == "source-directory" || strings.HasPrefix(fields[0], "allow-")) {
			return true
		}
	}
	return false
}

func isTeamd(f file) bool {
	var keys map[string]json.RawMessage
	if json.Unmarshal(f.text, &keys) != nil {
		return filepath.Ext(f.path) == ".json" && bytes.Contains(f.text, []byte(`"runner"`))
	}
	return keys["runner"] != nil || keys["ports"] != nil
}
