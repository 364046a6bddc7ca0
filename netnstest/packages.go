package netnstest

import (
	"os"
	"path/filepath"
)

// Unpack gives the host what packages of Debian have in their folders, which netnstest/setup has only
// unpacked, for installed they would take this machine's network over. It has an /etc of its own from
// then on. What is written to them stays there. Nothing of the packages is started. One over another
// wouldn't do: the root is of two layers already, and the kernel allows one more.
func (n *Namespace) Unpack(packages ...string) {
	n.t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		n.t.Fatalf("unpack packages: %v", err)
	}
	lower := map[string]string{"/etc": ""}
	for _, name := range packages {
		dir := filepath.Join(cache, "bondctl", "lab", "packages", name)
		if _, err := os.Stat(dir); err != nil {
			Skip(n.t, "%v; netnstest/setup downloads it", err)
		}
		for from, to := range map[string]string{
			"etc": "/etc", "usr/bin": "/usr/bin", "sbin": "/usr/sbin", "usr/sbin": "/usr/sbin",
			"lib": "/usr/lib", "usr/lib": "/usr/lib", "usr/share": "/usr/share",
		} {
			if _, err := os.Stat(filepath.Join(dir, from)); err == nil {
				lower[to] += filepath.Join(dir, from) + ":"
			}
		}
	}
	const modules, aside = "/usr/lib/modules", "/run/modules" // which the lab has mounted there
	n.Run("mkdir", "-p", aside)
	n.Run("mount", "--bind", modules, aside)
	for dir, first := range lower {
		upper, work := "/run/upper"+dir, "/run/work"+dir
		n.Run("mkdir", "-p", upper, work)
		n.Run("mount", "-t", "overlay", "-o", "lowerdir="+first+dir+",upperdir="+upper+",workdir="+work, "overlay", dir)
	}
	n.Run("mount", "--bind", aside, modules)
}
