package suite

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/google/go-cmp/cmp"
)

// event is one of bond0's history.
type event struct {
	Seq, Count               int
	Time                     time.Time
	Event, From, To, Message string
	SwitchMS                 *int `json:"switch_ms"`
}

// what says what happened, by kind, from and to.
func (e event) what() string { return fmt.Sprintf("%s %s %s", e.Event, e.From, e.To) }

// history is bond0's. It is read from the file, which takes an emulated machine 2 ms; bondctl events takes it
// some 80.
func history(t *testing.T, h *netnstest.Host) []event {
	t.Helper()
	text, err := os.ReadFile(bondFile(h, "history.jsonl"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	end := strings.LastIndex(string(text), "\n") // another line may just be written
	return eventsIn(t, string(text[:end+1]))
}

// eventsIn reads events, a line of JSON each.
func eventsIn(t *testing.T, text string) (all []event) {
	t.Helper()
	for line := range strings.Lines(text) {
		var e event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v in the history:\n%s", err, text)
		}
		all = append(all, e)
	}
	return all
}

// happened is a condition for Eventually: bond0's history has an event, given as its kind, from and to.
func happened(t *testing.T, h *netnstest.Host, want string) func() error {
	return func() error {
		all := history(t, h)
		for _, e := range all {
			if e.what() == want {
				return nil
			}
		}
		return fmt.Errorf("no event %q in\n%+v", want, all)
	}
}

// happenedTimes is a condition for Eventually: by bond0's history each has happened so often.
func happenedTimes(t *testing.T, h *netnstest.Host, times int, whats ...string) func() error {
	return func() error {
		counts := map[string]int{}
		all := history(t, h)
		for _, e := range all {
			counts[e.what()] += e.Count
		}
		for _, what := range whats {
			if counts[what] != times {
				return fmt.Errorf("%q happened %d times, want %d, in\n%+v", what, counts[what], times, all)
			}
		}
		return nil
	}
}

// lastOf is the last event that is one of these.
func lastOf(all []event, whats ...string) (last event) {
	for _, e := range all {
		for _, what := range whats {
			if e.what() == what {
				last = e
			}
		}
	}
	return last
}

// keeperSees is a condition for Eventually: this slave is active, and the keeper has taken note.
func keeperSees(h *netnstest.Host, slave string) func() error {
	return func() error {
		var k struct{ Active string }
		text, err := os.ReadFile(bondFile(h, "keeper.json"))
		if err = errors.Join(err, json.Unmarshal(text, &k)); err != nil || k.Active != slave {
			return fmt.Errorf("the keeper has %q active, want %s (%w)", k.Active, slave, err)
		}
		return nil
	}
}

// TestFlappingCable: a cable that flaps doesn't fill the history; how often it did, and how it ended, is told
// to hooks and by bondctl events as well, and the status is right.
func TestFlappingCable(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t, netnstest.Private("/etc/bondctl"))
	hook := in(h, "/etc/bondctl/hooks.d/tell")
	writeFile(t, hook, "#!/bin/sh\necho \"$BONDCTL_SEQ $BONDCTL_COUNT\" >>/run/told\n")
	if err := os.Chmod(hook, 0o755); err != nil {
		t.Fatal(err)
	}
	eth0 := h.Cable("eth0")
	h.Cable("eth1")
	succeeds(t, h, "up", "--primary", "eth0", "--member", "eth0", "--member", "eth1", "--address", "192.0.2.10/24")
	t.Cleanup(func() { bondctl(t, h, "down") })
	netnstest.Eventually(t, usable(h, "eth0", "eth1"))
	netnstest.Eventually(t, keeperSees(h, "eth0"))
	follow := h.Start("bondctl", "events", "--follow")

	const pulled, plugged = "failover eth0 eth1", "failover eth1 eth0"
	folded := func() bool { return lastOf(history(t, h), pulled).Count > 1 }
	flaps := 0
	for range 5 { // a slow machine may not have it happen often enough in a while, and tells it one by one
		for range 8 {
			eth0.Pull()
			netnstest.Eventually(t, keeperSees(h, "eth1"))
			// What the kernel doesn't see the keeper returns from, and ever later.
			netnstest.Eventually(t, sysfs(h, "down", "eth0", "bonding_slave", "mii_status"))
			eth0.Plug()
			netnstest.Eventually(t, keeperSees(h, "eth0"))
			flaps++
		}
		eth0.Pull() // and that is how it stays, for now
		netnstest.Eventually(t, keeperSees(h, "eth1"))
		flaps++
		netnstest.Eventually(t, happenedTimes(t, h, flaps, pulled, "link_down eth0 "))
		if folded() {
			break
		}
		eth0.Plug()
		netnstest.Eventually(t, keeperSees(h, "eth0"))
	}
	all := history(t, h)
	if !folded() {
		t.Errorf("the history is nothing but flaps: %+v", all)
	}
	last := lastOf(all, pulled, plugged)
	if want := fmt.Sprintf("%d times in ", last.Count); last.what() != pulled || !strings.HasPrefix(last.Message, want) {
		t.Errorf("the last failover is %+v, want %s with %q", last, pulled, want)
	}
	if link := lastOf(all, "link_down eth0 ", "link_up  eth0"); link.Event != "link_down" {
		t.Errorf("the last of eth0 is %+v, and its cable is out", link)
	}
	st := status(t, h)
	if st.ActiveSlave != "eth1" || st.ActiveSince == nil || !st.ActiveSince.Equal(last.Time) || st.HealthReason != "eth0 has no link" {
		t.Errorf("the status is %+v, and the last failover was at %s", st, last.Time)
	}

	if diff := cmp.Diff(all, eventsIn(t, succeeds(t, h, "events", "--json").Stdout)); diff != "" {
		t.Errorf("bondctl events (-history +shown)\n%s", diff)
	}
	netnstest.Eventually(t, wrote(follow, "failover eth0 -> eth1: only_link: "+last.Message))
	var want strings.Builder
	for _, e := range all {
		fmt.Fprintln(&want, e.Seq, e.Count)
	}
	netnstest.Eventually(t, func() error {
		if got, err := os.ReadFile(in(h, "/run/told")); string(got) != want.String() {
			return fmt.Errorf("hooks were told\n%swant\n%s (%w)", got, want.String(), err)
		}
		return nil
	})
}
