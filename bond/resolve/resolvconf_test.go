package resolve

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/statefile"
)

// openresolv is a small resolvconf that is as strict as openresolv, and shows its
// environment.
const openresolv = `#!/bin/sh
here=${0%/*}/records
mkdir -p "$here" && cd "$here" || exit 1
case "$1" in
-a) cat >"$2"; env >../environment; pwd >>../environment ;;
-d) [ -f "$2" ] || { echo "No resolv.conf for interface $2" >&2; exit 1; }; rm "$2" ;;
-i) [ -n "$(ls)" ] && echo $(ls) ;;
*) exit 99 ;;
esac
`

// install gives the machine a program of that name.
func install(t *testing.T, r *Resolver, name, script string) {
	t.Helper()
	if err := os.MkdirAll(r.Path, 0o755); err != nil {
		t.Fatal(err)
	}
	// Not in place: a fork elsewhere may have it open for writing (ETXTBSY).
	if err := statefile.Write(filepath.Join(r.Path, name), []byte(script), statefile.Attributes{Mode: 0o755}); err != nil {
		t.Fatal(err)
	}
}

func readRecord(t *testing.T, r *Resolver, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(r.Path, "records", name))
	if errors.Is(err, fs.ErrNotExist) {
		return missing
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestResolvconf(t *testing.T) {
	t.Setenv("SECRET", "in bondctl's environment")
	r := fixture(t, original)
	install(t, r, "resolvconf", openresolv)
	set(t, r, "bond0", settings0, Outcome{Holder: Resolvconf})
	set(t, r, "bond1", Settings{Servers: addrs("fe80::1", "192.0.2.1", "192.0.2.2", "192.0.2.3")}, Outcome{Holder: Resolvconf})
	if got, want := readRecord(t, r, "bond0.bondctl"), "nameserver 192.0.2.1\nsearch zero.example\n"; got != want {
		t.Errorf("bond0's record is %q, want %q", got, want)
	}
	if got, want := readRecord(t, r, "bond1.bondctl"),
		"nameserver fe80::1%bond1\nnameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\n"; got != want {
		t.Errorf("bond1's record is %q, want %q", got, want)
	}
	environment, err := os.ReadFile(filepath.Join(r.Path, "environment"))
	if err != nil || strings.Contains(string(environment), "SECRET") || !strings.Contains(string(environment), "PATH=/usr/sbin:") {
		t.Errorf("its environment: %s, %v", environment, err)
	}
	wantText(t, r, original)

	clearBond(t, r, "bond0")
	if got := readRecord(t, r, "bond0.bondctl"); got != missing {
		t.Errorf("bond0's record is still there: %q", got)
	}
	os.Remove(filepath.Join(r.Path, "records", "bond1.bondctl"))
	clearBond(t, r, "bond1") // somebody was faster
	wantNoRecord(t, r)
}

// TestRecoverResolvconf has its record on the disk, from an earlier boot.
func TestRecoverResolvconf(t *testing.T) {
	r := fixture(t, original)
	set(t, r, "bond1", settings1, Outcome{Holder: File})
	install(t, r, "resolvconf", openresolv)
	set(t, r, "bond0", settings0, Outcome{Holder: Resolvconf})
	reboot(t, r)
	recovers(t, r)
	if got := readRecord(t, r, "bond0.bondctl"); got != missing {
		t.Errorf("bond0's record is still there: %q", got)
	}
	wantText(t, r, original)
	wantNoRecord(t, r)
}

func wantNoRecord(t *testing.T, r *Resolver) {
	t.Helper()
	if text, err := os.ReadFile(filepath.Join(r.Dir, recordFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something is still recorded: %s, %v", text, err)
	}
}

// TestHolderChanges installs resolvconf, and removes it, while a bond has settings.
func TestHolderChanges(t *testing.T) {
	r := fixture(t, original)
	set(t, r, "bond0", settings0, Outcome{Holder: File})
	install(t, r, "resolvconf", openresolv)
	set(t, r, "bond0", settings0, Outcome{Holder: Resolvconf})
	wantText(t, r, original)
	os.Remove(filepath.Join(r.Path, "resolvconf"))
	set(t, r, "bond0", settings0, Outcome{Holder: File})
	wantText(t, r, "nameserver 192.0.2.1\nsearch zero.example\noptions edns0\n")

	put(t, r.File, originalToo)
	install(t, r, "resolvconf", openresolv)
	got, err := r.Set(t.Context(), "bond0", settings0)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Outcome{Holder: Resolvconf, Notes: edited(r).Notes}, got); diff != "" {
		t.Errorf("over to resolvconf from an edited resolv.conf (-want +got):\n%s", diff)
	}
	set(t, r, "bond0", settings0, Outcome{Holder: Resolvconf})
	wantText(t, r, originalToo)
	clearBond(t, r, "bond0")
	wantNoRecord(t, r)
}

func TestResolvconfFails(t *testing.T) {
	r := fixture(t, original)
	install(t, r, "resolvconf", "#!/bin/sh\n[ $1 = -i ] && echo bond0.bondctl\necho \"no\033 room\" >&2\nexit 3\n")
	program := filepath.Join(r.Path, "resolvconf")
	_, err := r.Set(t.Context(), "bond0", settings0)
	want := `set the DNS servers of bond0: resolvconf: ` + program + ` -a bond0.bondctl: exit status 3: "no\x1b room"`
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	err = r.Clear(t.Context(), "bond0")
	want = `take back the DNS servers of bond0: ` + program + ` -d bond0.bondctl: exit status 3: "no\x1b room"`
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	// What it may have is not forgotten.
	install(t, r, "resolvconf", openresolv)
	clearBond(t, r, "bond0")
	wantNoRecord(t, r)
}

func TestResolvconfWarns(t *testing.T) {
	r := fixture(t, original)
	install(t, r, "resolvconf", "#!/bin/sh\necho \"it isn't a link\" >&2\n")
	set(t, r, "bond0", settings0, Outcome{Holder: Resolvconf, Notes: []string{`resolvconf says "it isn't a link"`}})
}

// TestResolvconfHangs waits for a program with a child; both end with the context.
func TestResolvconfHangs(t *testing.T) {
	r := fixture(t, original)
	install(t, r, "resolvconf", "#!/bin/sh\nmkfifo ${0%/*}/pipe; cat ${0%/*}/pipe; true\n")
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := r.Set(ctx, "bond0", settings0); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, want the deadline's error", err)
	}
	pipe := filepath.Join(r.Path, "pipe")
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		f, err := os.OpenFile(pipe, os.O_WRONLY|unix.O_NONBLOCK, 0)
		if errors.Is(err, unix.ENXIO) || errors.Is(err, fs.ErrNotExist) {
			break // nobody reads any more, or did yet
		}
		f.Close()
		if time.Now().After(deadline) {
			t.Fatalf("its child still reads (%v)", err)
		}
	}
}

// TestResolvconfDaemon has a program that leaves a daemon behind, with its output.
func TestResolvconfDaemon(t *testing.T) {
	r := fixture(t, original)
	install(t, r, "resolvconf", "#!/bin/sh\nmkfifo ${0%/*}/pipe; cat ${0%/*}/pipe & true\n")
	got, err := r.Set(t.Context(), "bond0", settings0)
	if err != nil || got.Holder != Resolvconf {
		t.Errorf("%v, %v, want no error", got, err)
	}
	// The daemon ends when somebody has opened the pipe and closed it.
	pipe, err := os.OpenFile(filepath.Join(r.Path, "pipe"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	pipe.Close()
}

// TestNoResolvconf has what isn't one by that name: systemd's is resolvectl.
func TestNoResolvconf(t *testing.T) {
	for _, tt := range []struct {
		name string
		make func(t *testing.T, r *Resolver)
	}{
		{"resolvectl", func(t *testing.T, r *Resolver) {
			install(t, r, "resolvectl", "#!/bin/sh\nexit 1\n")
			if err := os.Symlink("resolvectl", filepath.Join(r.Path, "resolvconf")); err != nil {
				t.Fatal(err)
			}
		}},
		{"no program", func(t *testing.T, r *Resolver) {
			install(t, r, "resolvconf", "")
			if err := os.Chmod(filepath.Join(r.Path, "resolvconf"), 0o644); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := fixture(t, original)
			tt.make(t, r)
			set(t, r, "bond0", settings0, Outcome{Holder: File})
		})
	}
}

// TestDeadBus has a socket that nobody listens to, as a bus leaves it when it ends.
func TestDeadBus(t *testing.T) {
	r := fixture(t, original)
	bus := listen(t, strings.TrimPrefix(r.Bus, "unix:path="))
	bus.SetUnlinkOnClose(false)
	bus.Close()
	set(t, r, "bond0", settings0, Outcome{Holder: File})
}

// TestSilentBus has one that never answers: Set ends with its context.
func TestSilentBus(t *testing.T) {
	r := fixture(t, original)
	listen(t, strings.TrimPrefix(r.Bus, "unix:path="))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := r.Set(ctx, "bond0", settings0); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, want the deadline's error", err)
	}
	wantText(t, r, original)
}

func listen(t *testing.T, path string) *net.UnixListener {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}
