package hook

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// What isn't safe isn't run, and the log says why and what mends it: once, until
// it is mended.
func TestUnsafe(t *testing.T) {
	must := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	tests := map[string]struct {
		spoil, mend func(t *testing.T, l *lab)
		want        string
	}{
		"a hook that its group can change": {
			func(t *testing.T, l *lab) { must(t, os.Chmod(l.dir+"/hook", 0o775)) },
			func(t *testing.T, l *lab) { must(t, os.Chmod(l.dir+"/hook", 0o755)) },
			"/etc/bondctl/hooks.d/hook can be changed by others than root (mode 0775); mend it with: chmod go-w /etc/bondctl/hooks.d/hook",
		},
		"a hook that isn't executable": {
			func(t *testing.T, l *lab) { must(t, os.Chmod(l.dir+"/hook", 0o644)) },
			func(t *testing.T, l *lab) { must(t, os.Chmod(l.dir+"/hook", 0o755)) },
			"/etc/bondctl/hooks.d/hook isn't executable; mend it with: chmod 755 /etc/bondctl/hooks.d/hook",
		},
		"a hook that is a link": {
			func(t *testing.T, l *lab) {
				must(t, os.Rename(l.dir+"/hook", l.root+"/there"))
				must(t, os.Symlink(l.root+"/there", l.dir+"/hook"))
			},
			func(t *testing.T, l *lab) { must(t, os.Rename(l.root+"/there", l.dir+"/hook")) },
			`/etc/bondctl/hooks.d/hook is a symbolic link; put the file itself there; mend it with: cp --remove-destination "$(readlink -f /etc/bondctl/hooks.d/hook)" /etc/bondctl/hooks.d/hook`,
		},
		"a hook that is a folder": {
			func(t *testing.T, l *lab) {
				must(t, os.Rename(l.dir+"/hook", l.root+"/there"))
				must(t, os.Mkdir(l.dir+"/hook", 0o755))
			},
			func(t *testing.T, l *lab) {
				must(t, os.Remove(l.dir+"/hook"))
				must(t, os.Rename(l.root+"/there", l.dir+"/hook"))
			},
			"/etc/bondctl/hooks.d/hook isn't a file that could be run; mend it with: mv /etc/bondctl/hooks.d/hook /root/",
		},
		"a hook that is a pipe": {
			func(t *testing.T, l *lab) {
				must(t, os.Rename(l.dir+"/hook", l.root+"/there"))
				must(t, unix.Mkfifo(l.dir+"/hook", 0o755))
			},
			func(t *testing.T, l *lab) { must(t, os.Rename(l.root+"/there", l.dir+"/hook")) },
			"/etc/bondctl/hooks.d/hook isn't a file that could be run; mend it with: mv /etc/bondctl/hooks.d/hook /root/",
		},
		"a folder that anyone can change": {
			func(t *testing.T, l *lab) { must(t, os.Chmod(l.dir, 0o777)) },
			func(t *testing.T, l *lab) { must(t, os.Chmod(l.dir, 0o755)) },
			"/etc/bondctl/hooks.d can be changed by others than root (mode 0777); mend it with: chmod go-w /etc/bondctl/hooks.d",
		},
		"a sticky folder above": {
			func(t *testing.T, l *lab) { must(t, os.Chmod(l.root+"/etc/bondctl", 0o777|os.ModeSticky)) },
			func(t *testing.T, l *lab) { must(t, os.Chmod(l.root+"/etc/bondctl", 0o755)) },
			"/etc/bondctl can be changed by others than root (mode 1777); mend it with: chmod go-w /etc/bondctl",
		},
		"the first folder of all": {
			func(t *testing.T, l *lab) { must(t, os.Chmod(l.root, 0o775)) },
			func(t *testing.T, l *lab) { must(t, os.Chmod(l.root, 0o755)) },
			"/ can be changed by others than root (mode 0775); mend it with: chmod go-w /",
		},
		"a folder that is a link": {
			func(t *testing.T, l *lab) {
				must(t, os.Rename(l.root+"/etc/bondctl", l.root+"/there"))
				must(t, os.Symlink(l.root+"/there", l.root+"/etc/bondctl"))
			},
			func(t *testing.T, l *lab) {
				must(t, os.Remove(l.root+"/etc/bondctl"))
				must(t, os.Rename(l.root+"/there", l.root+"/etc/bondctl"))
			},
			"/etc/bondctl is a symbolic link and no folder; mend it with: rm /etc/bondctl && mkdir -m 755 /etc/bondctl",
		},
		"a folder that is none": {
			func(t *testing.T, l *lab) {
				must(t, os.Rename(l.dir, l.root+"/there"))
				must(t, os.WriteFile(l.dir, nil, 0o644))
			},
			func(t *testing.T, l *lab) {
				must(t, os.Remove(l.dir))
				must(t, os.Rename(l.root+"/there", l.dir))
			},
			"/etc/bondctl/hooks.d isn't a folder; mend it with: rm /etc/bondctl/hooks.d && mkdir -m 755 /etc/bondctl/hooks.d",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.add("hook", "#!/bin/sh\necho it ran\n", 0o755)
			l.tell(t.Context(), failover)
			if got := l.log(); !strings.Contains(got, "it ran") {
				t.Fatalf("it doesn't run to begin with: %s", got)
			}
			for range 2 {
				test.spoil(t, l)
				for i, want := range []string{"level=WARN msg=" + quoted("a hook is left out: "+test.want) + "\n", ""} {
					l.tell(t.Context(), failover)
					if got := l.log(); got != want {
						t.Errorf("event %d: log\n%s\nwant\n%s", i+1, got, want)
					}
				}
				test.mend(t, l)
				l.tell(t.Context(), failover)
				if got := l.log(); !strings.Contains(got, "it ran") {
					t.Errorf("it doesn't run though it is mended: %s", got)
				}
			}
		})
	}
}

func quoted(s string) string { return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"` }

func TestFaultOwner(t *testing.T) {
	for _, test := range []struct {
		mode, uid uint32
		folder    bool
		want      string
	}{
		{unix.S_IFREG | 0o755, 0, false, ""},
		{unix.S_IFDIR | 0o755, 0, true, ""},
		{unix.S_IFREG | 0o500, 0, false, ""},
		{unix.S_IFREG | 0o755, 1000, false, "P belongs to user 1000 and not to root; mend it with: chown root:root P"},
		{unix.S_IFDIR | 0o755, 1000, true, "P belongs to user 1000 and not to root; mend it with: chown root:root P"},
		{unix.S_IFREG | 0o757, 0, false, "P can be changed by others than root (mode 0757); mend it with: chmod go-w P"},
	} {
		got := ""
		if err := fault("P", test.mode, test.uid, 0, test.folder); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("mode %o of %d: %q, want %q", test.mode, test.uid, got, test.want)
		}
	}
}

// Where there are no hooks there is nothing to say, whatever the folders above
// are like.
func TestNoFolder(t *testing.T) {
	l := newLab(t)
	if err := os.Chmod(l.root+"/etc", 0o777); err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{l.dir, filepath.Dir(l.dir), l.root} {
		if err := os.RemoveAll(gone); err != nil {
			t.Fatal(err)
		}
		l.tell(t.Context(), failover)
		if got := l.log(); got != "" {
			t.Errorf("without %s: %s", gone, got)
		}
	}
}

// What is run is what was looked at, and not what its name has come to mean.
func TestSwapped(t *testing.T) {
	l := newLab(t)
	l.add("hook", "#!/bin/sh\necho looked at\n", 0o755)
	f := folder{path: l.Dir, root: l.root, owner: uint32(l.owner)}
	ran := false
	f.each(func(err error) { t.Error(err) }, func(h hook) {
		ran = true
		l.add("other", "#!/bin/sh\necho swapped\n", 0o755)
		if err := os.Rename(l.dir+"/other", l.dir+"/hook"); err != nil {
			t.Fatal(err)
		}
		if got, err := h.run(t.Context(), DefaultLimit, nil); got != "looked at\n" || err != nil {
			t.Errorf("it says %q, %v", got, err)
		}
	})
	if !ran {
		t.Error("it isn't found")
	}
}

// Hooks run in the order of their names, and what isn't one doesn't.
func TestOrder(t *testing.T) {
	l := newLab(t)
	for _, name := range []string{"20-b", "10-a", "100-c", "B", "a", "a~", ".a", "a.bak"} {
		l.add(name, "#!/bin/sh\necho\n", 0o755)
	}
	f := folder{path: l.Dir, root: l.root, owner: uint32(l.owner)}
	var got []string
	f.each(func(err error) { t.Error(err) }, func(h hook) { got = append(got, h.name) })
	if want := "10-a 100-c 20-b B a"; strings.Join(got, " ") != want {
		t.Errorf("they run in the order %v, want %s", got, want)
	}
}
