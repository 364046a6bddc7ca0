package suite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/netnstest"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// envKilledAt makes this binary a process that makes bond0 what its arguments want, and dies right
// before the step of that number; after the last one, before it can take note of its success, if
// there are no more.
const envKilledAt = "BONDCTL_TEST_KILLED_AT"

func init() {
	text, ok := os.LookupEnv(envKilledAt)
	if !ok {
		return
	}
	at, err := strconv.Atoi(text)
	if err == nil {
		_, err = reconcileHere(context.Background(), os.Args[1:], atStep(at, func() error {
			return unix.Kill(os.Getpid(), unix.SIGKILL)
		}))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// TestKilled kills a process at each step of those transitions that must know how a member was.
// Whoever comes then has only the journal to go by: a down gives back what was there before the
// first bond, and an up gets as far as one that was never disturbed.
func TestKilled(t *testing.T) {
	t.Parallel()
	for _, tr := range transitions {
		if !tr.moves {
			continue
		}
		t.Run(tr.name, func(t *testing.T) {
			t.Parallel()
			h := threeNICs(t)
			before := takeSnapshot(t, h)
			down := func() {
				t.Helper()
				if err := takeDown(t.Context(), h); err != nil {
					t.Fatal(err)
				}
				netnstest.Eventually(t, asBefore(t, h, before))
			}
			tr.begin(t, h)
			tr.end(t, h)
			want := bonded(t, h)
			down()
			for step, killed := 1, true; killed; step++ {
				tr.begin(t, h)
				killed = dies(t, h, step, tr.to)
				down()

				tr.begin(t, h)
				dies(t, h, step, tr.to)
				tr.end(t, h)
				if diff := cmp.Diff(want, bonded(t, h)); diff != "" {
					t.Errorf("killed at step %d, and up again: links (-want +got):\n%s", step, diff)
				}
				down()
			}
			tr.begin(t, h)
			diesAfterLast(t, h, tr.to)
			down()
		})
	}
}

// bonded are the links of a host, in which bond0 is another device by the same name each time.
func bonded(t *testing.T, h *netnstest.Host) []linkState {
	t.Helper()
	netnstest.Eventually(t, running(h))
	list := links(t, h)
	bond := link(t, h, "bond0").Index
	for i := range list {
		for _, index := range []*int{&list[i].Index, &list[i].Master} {
			if *index == bond {
				*index = -1
			}
		}
	}
	return list
}

// dies runs the process that is to be killed, and tells whether it was.
func dies(t *testing.T, h *netnstest.Host, at int, flags []string) bool {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := h.Command(self, flags...)
	cmd.Env = append(os.Environ(), envKilledAt+"="+strconv.Itoa(at))
	out, err := cmd.CombinedOutput()
	exit, ok := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil:
		return false
	case ok && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL:
		return true
	}
	t.Fatalf("%s killed at step %d: %v\n%s", strings.Join(flags, " "), at, err, out)
	return false
}

// diesAfterLast leaves what a process does that is killed after the last step, before it can take note
// of that: the bond as wanted, and the journal as it was while the steps were made.
func diesAfterLast(t *testing.T, h *netnstest.Host, flags []string) {
	t.Helper()
	journals := make(map[string][]byte)
	_, err := reconcile(t.Context(), h, flags, func(bond.Step) error {
		files, err := filepath.Glob("/run/bondctl/*/bond0/journal.json")
		for _, file := range files {
			if err == nil {
				journals[file], err = os.ReadFile(file)
			}
		}
		return err
	})
	h.Do(func() {
		for file, journal := range journals {
			if err == nil {
				err = os.WriteFile(file, journal, 0o600)
			}
		}
	})
	if err != nil || len(journals) != 1 {
		t.Fatalf("%d journals, %v", len(journals), err)
	}
}
