package resolve

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// reboot makes what is recorded that of another boot.
func reboot(t *testing.T, r *Resolver) {
	t.Helper()
	rec, err := r.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer rec.close()
	rec.Conf.Boot = "another"
	for bond := range rec.Boots {
		rec.Boots[bond] = "another"
	}
	if err := rec.write(); err != nil {
		t.Fatal(err)
	}
}

func TestReboot(t *testing.T) {
	for _, tt := range []struct {
		name, found, after string
	}{
		{"as it was left", "", original},
		{"written by the boot", originalToo, originalToo},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := fixture(t, original)
			set(t, r, "bond0", settings0, Outcome{Holder: File})
			set(t, r, "bond1", settings1, Outcome{Holder: File})
			reboot(t, r)
			if tt.found != "" {
				put(t, r.File, tt.found)
			}
			set(t, r, "bond0", Settings{Servers: addrs("192.0.2.7")}, Outcome{Holder: File})
			wantText(t, r, "nameserver 192.0.2.7\nnameserver 192.0.2.2\nsearch one.example\n"+options(tt.after))
			clearBond(t, r, "bond1")
			clearBond(t, r, "bond0")
			wantText(t, r, tt.after)
			wantClean(t, r)
		})
	}
}

// TestClearAfterReboot has nobody but `down` after a reboot.
func TestClearAfterReboot(t *testing.T) {
	r := fixture(t, original)
	set(t, r, "bond0", settings0, Outcome{Holder: File})
	reboot(t, r)
	clearBond(t, r, "bond0")
	wantText(t, r, original)
	wantClean(t, r)
}

// TestRecover has a bond without a keeper after a reboot, and one that was given
// its settings anew.
func TestRecover(t *testing.T) {
	for _, tt := range []struct {
		name string
		// text, what there was; found, what this boot made of bondctl's.
		text, found string
		again       bool // bond1 was
		want        string
	}{
		{name: "as it was left", text: original, want: original},
		{name: "there was none", want: missing},
		{name: "written by the boot", text: original, found: originalToo, want: originalToo},
		{name: "one given anew", text: original, again: true, want: "nameserver 192.0.2.2\nsearch one.example\noptions edns0\n"},
		{
			name: "one given anew, after the boot wrote", text: original, found: originalToo, again: true,
			want: "nameserver 192.0.2.2\nsearch one.example\n",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := fixture(t, tt.text)
			recovers(t, r)
			set(t, r, "bond0", settings0, Outcome{Holder: File})
			set(t, r, "bond1", settings1, Outcome{Holder: File})
			before := take(t, r)
			recovers(t, r)
			if diff := cmp.Diff(before, take(t, r)); diff != "" {
				t.Errorf("what this boot was given is taken back (-before +after):\n%s", diff)
			}
			reboot(t, r)
			if tt.found != "" {
				put(t, r.File, tt.found)
			}
			if tt.again {
				set(t, r, "bond1", settings1, Outcome{Holder: File})
			}
			recovers(t, r)
			wantText(t, r, tt.want)
			clearBond(t, r, "bond1")
			if tt.found == "" {
				tt.found = tt.text
			}
			wantText(t, r, orMissing(tt.found))
			wantNoRecord(t, r)
		})
	}
}

func recovers(t *testing.T, r *Resolver) {
	t.Helper()
	for range 2 {
		if err := r.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRecoverLink has a resolv.conf that is somebody's link since the boot.
func TestRecoverLink(t *testing.T) {
	r := fixture(t, original)
	set(t, r, "bond0", settings0, Outcome{Holder: File})
	reboot(t, r)
	os.Remove(r.File)
	if err := os.Symlink("no/where", r.File); err != nil {
		t.Fatal(err)
	}
	recovers(t, r)
	if target, err := os.Readlink(r.File); target != "no/where" {
		t.Errorf("resolv.conf is a link to %q (%v)", target, err)
	}
	wantNoRecord(t, r)
}

// snapshot is each file's text on the way.
type snapshot map[string]string

// TestCrash stops after each write that a Set or a Clear does, by putting the
// files together as they were then, and goes on from there: with a Clear, which
// gives the original back, and with the other settings, which get there.
func TestCrash(t *testing.T) {
	both := "nameserver 192.0.2.1\nnameserver 192.0.2.2\nsearch zero.example one.example\n"
	for _, tt := range []struct {
		name   string
		before []string // bonds that have settings
		text   string   // of the original
		do     func(*Resolver) error
		writes []string // the files, in their order
	}{
		{
			name: "first set", text: original,
			do:     func(r *Resolver) error { _, err := r.Set(t.Context(), "bond0", settings0); return err },
			writes: []string{originalFile, recordFile, "resolv.conf"},
		},
		{
			name:   "first set, without a file",
			do:     func(r *Resolver) error { _, err := r.Set(t.Context(), "bond0", settings0); return err },
			writes: []string{recordFile, "resolv.conf"},
		},
		{
			name: "second set", text: original, before: []string{"bond0"},
			do:     func(r *Resolver) error { _, err := r.Set(t.Context(), "bond1", settings1); return err },
			writes: []string{recordFile, "resolv.conf"},
		},
		{
			name: "last clear", text: original, before: []string{"bond0"},
			do:     func(r *Resolver) error { return r.Clear(t.Context(), "bond0") },
			writes: []string{"resolv.conf", recordFile, originalFile},
		},
		{
			name: "last clear, without a file", before: []string{"bond0"},
			do:     func(r *Resolver) error { return r.Clear(t.Context(), "bond0") },
			writes: []string{"resolv.conf", recordFile},
		},
		{
			name: "first of two clears", text: original, before: []string{"bond0", "bond1"},
			do:     func(r *Resolver) error { return r.Clear(t.Context(), "bond1") },
			writes: []string{recordFile, "resolv.conf"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for crash := range len(tt.writes) + 1 {
				r := fixture(t, tt.text)
				for _, bond := range tt.before {
					if _, err := r.Set(t.Context(), bond, settings0); err != nil {
						t.Fatal(err)
					}
				}
				before := take(t, r)
				if err := tt.do(r); err != nil {
					t.Fatal(err)
				}
				after := take(t, r)
				mix := before
				for _, name := range tt.writes[:crash] {
					mix[name] = after[name]
				}
				for _, end := range []string{"clear", "set"} {
					mix.restore(t, r)
					// A crash in the middle of a write leaves this.
					put(t, filepath.Join(filepath.Dir(r.File), ".resolv.conf.bondctl"), "nameser")
					if end == "set" {
						set(t, r, "bond1", settings1, Outcome{Holder: File})
						set(t, r, "bond0", settings0, Outcome{Holder: File})
						wantText(t, r, both+options(tt.text))
					}
					for _, bond := range []string{"bond1", "bond0"} {
						clearBond(t, r, bond)
					}
					wantText(t, r, orMissing(tt.text))
					if t.Failed() {
						t.Fatalf("after %v, then %s", tt.writes[:crash], end)
					}
				}
			}
		})
	}
}

func options(text string) string {
	if strings.Contains(text, "options") {
		return "options edns0\n"
	}
	return ""
}

func orMissing(text string) string {
	if text == "" {
		return missing
	}
	return text
}

func (r *Resolver) paths() map[string]string {
	return map[string]string{
		"resolv.conf": r.File, recordFile: filepath.Join(r.Dir, recordFile), originalFile: filepath.Join(r.Dir, originalFile),
	}
}

func take(t *testing.T, r *Resolver) snapshot {
	t.Helper()
	s := snapshot{}
	for name, path := range r.paths() {
		text, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		s[name] = string(text)
	}
	return s
}

func (s snapshot) restore(t *testing.T, r *Resolver) {
	t.Helper()
	for name, path := range r.paths() {
		os.Remove(path)
		if s[name] != "" {
			put(t, path, s[name])
		}
	}
}

// TestOriginalLost has somebody delete what bondctl keeps of resolv.conf.
func TestOriginalLost(t *testing.T) {
	r := fixture(t, original)
	set(t, r, "bond0", settings0, Outcome{Holder: File})
	os.Remove(filepath.Join(r.Dir, originalFile))
	if err := r.Clear(t.Context(), "bond0"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v, want that the original doesn't exist", err)
	}
	wantText(t, r, "nameserver 192.0.2.1\nsearch zero.example\noptions edns0\n")
}
