package keeper

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/internal/statedir"
)

// opened is the record of bond0 in a folder, and the events that are handed on.
func opened(t *testing.T, dir statedir.Dir) (*record, *[]string) {
	t.Helper()
	var handed []string
	r, err := openRecord(dir, "bond0", slog.New(slog.DiscardHandler), func(e bond.Event) { handed = append(handed, e.String()) })
	if err != nil {
		t.Fatal(err)
	}
	return r, &handed
}

// kept is what others see of a keeper.
func kept(t *testing.T, dir statedir.Dir) statedir.Keeper {
	t.Helper()
	k, _, err := dir.Keeper()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestRecordOneKeeper(t *testing.T) {
	dir := statedir.Of(t.TempDir(), "bond0")
	r, _ := opened(t, dir)
	if _, err := openRecord(dir, "bond0", r.log, nil); !errors.Is(err, ErrKept) {
		t.Errorf("a second keeper: %v", err)
	}
	if k := kept(t, dir); k.PID != os.Getpid() || !k.Alive() {
		t.Errorf("the keeper is %+v", k)
	}
	r.lent(statedir.NewLent(leaseOf("192.0.2.7/24")))
	r.active("eth0", time.Now())
	r.trouble(statedir.Trouble{Source: statedir.SourceDNS, Text: "nobody takes them"})
	if err := r.save(); err != nil {
		t.Fatal(err)
	}
	r.close(true)
	if k := kept(t, dir); k.Alive() || k.Lease == nil {
		t.Errorf("it has ended, and left %+v", k)
	}
	r, _ = opened(t, dir)
	if k := kept(t, dir); !k.Alive() || k.Lease == nil || k.Active != "" || k.Troubles != nil {
		t.Errorf("the next one begins with %+v", k)
	}
	r.close(false)
	if k, kept, err := dir.Keeper(); kept || err != nil {
		t.Errorf("nothing is wanted any more, and yet there is %+v, %v", k, err)
	}
}

// Troubles are written down before there is anything else, and told once.
func TestRecordTroubles(t *testing.T) {
	dir := statedir.Of(t.TempDir(), "bond0")
	r, handed := opened(t, dir)
	defer r.close(true)
	wlan0 := statedir.Trouble{Source: statedir.SourceSupplicant, Interface: "dhcp", Text: "wrong passphrase"}
	dhcp := statedir.Trouble{Source: statedir.SourceDHCP, Text: "no DHCP server answers"}
	works := func(t statedir.Trouble) statedir.Trouble { t.Text = ""; return t }
	for i, step := range []struct {
		tell   []statedir.Trouble
		events []string
		want   []statedir.Trouble
	}{
		{[]statedir.Trouble{works(dhcp)}, nil, nil},
		{[]statedir.Trouble{dhcp, wlan0, dhcp}, []string{
			"bond0 trouble dhcp: no DHCP server answers", "bond0 trouble dhcp: wrong passphrase"}, []statedir.Trouble{dhcp, wlan0}},
		{[]statedir.Trouble{works(dhcp)}, []string{"bond0 mended dhcp"}, []statedir.Trouble{wlan0}},
		{[]statedir.Trouble{wlan0}, nil, []statedir.Trouble{wlan0}},
	} {
		*handed = nil
		for _, trouble := range step.tell {
			r.trouble(trouble)
		}
		if err := r.save(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(step.events, *handed); diff != "" {
			t.Errorf("step %d: events (-want +got)\n%s", i, diff)
		}
		if diff := cmp.Diff(step.want, kept(t, dir).Troubles); diff != "" {
			t.Errorf("step %d: troubles (-want +got)\n%s", i, diff)
		}
	}
	*handed = nil
	r.forget(statedir.SourceSupplicant, "dhcp")
	if err := r.save(); err != nil || *handed != nil || kept(t, dir).Troubles != nil {
		t.Errorf("forgotten, and yet %v, %v, %v", kept(t, dir).Troubles, *handed, err)
	}
}

// The history's numbers go on, over keepers and a disk that was full.
func TestRecordHistory(t *testing.T) {
	dir := statedir.Of(t.TempDir(), "bond0")
	r, handed := opened(t, dir)
	failover := bond.Event{Event: bond.EventFailover, To: new("eth0")}
	r.happened(failover)
	if err := r.save(); err != nil {
		t.Fatal(err)
	}
	history := filepath.Join(dir.Path(), "history.jsonl")
	if err := errors.Join(os.Rename(history, history+".old"), os.Mkdir(history, 0o755)); err != nil {
		t.Fatal(err)
	}
	r.happened(failover)
	if err := r.save(); err == nil {
		t.Error("it was written to a folder")
	}
	if err := errors.Join(os.Remove(history), os.Rename(history+".old", history)); err != nil {
		t.Fatal(err)
	}
	if err := r.save(); err != nil {
		t.Fatal(err)
	}
	r.close(true)
	r, _ = opened(t, dir)
	defer r.close(true)
	r.happened(failover)
	if err := r.save(); err != nil {
		t.Fatal(err)
	}
	events, err := statedir.HistoryOf[bond.Event](dir).Read()
	if err != nil {
		t.Fatal(err)
	}
	var got []int
	for _, e := range events {
		got = append(got, e.Seq)
	}
	if diff := cmp.Diff([]int{1, 2, 3}, got); diff != "" {
		t.Errorf("numbers (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"bond0 failover none -> eth0", "bond0 failover none -> eth0"}, *handed); diff != "" {
		t.Errorf("handed on by the first keeper (-want +got)\n%s", diff)
	}
}
