package keeper

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/internal/statedir"
)

func TestRoam(t *testing.T) {
	slaves := func(of ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i < len(of); i += 2 {
			m[of[i]] = of[i+1]
		}
		return m
	}
	wifi := snapshot{active: "wlan0", wifi: true, slaves: slaves("wlan0", "up")}
	lost := snapshot{slaves: slaves("wlan0", "down")}
	associated := snapshot{slaves: slaves("wlan0", "dormant")}
	failing := snapshot{active: "wlan0", wifi: true, slaves: slaves("wlan0", "going down")}
	docked := snapshot{active: "usb0", reason: bond.ReasonPrimary, slaves: slaves("usb0", "up", "wlan0", "up")}
	alone := snapshot{active: "usb0", reason: bond.ReasonOnlyLink, slaves: slaves("usb0", "up", "wlan0", "down")}
	onWiFi := snapshot{active: "wlan0", wifi: true, slaves: slaves("usb0", "up", "wlan0", "up")}
	type step struct {
		at time.Duration
		is snapshot
	}
	const ms = time.Millisecond
	for name, tt := range map[string]struct {
		first snapshot
		steps []step
		want  []string // when it is told, when it happened, what
	}{
		"from one access point to another": {wifi, []step{{0, lost}, {100 * ms, associated}, {240 * ms, wifi}}, []string{
			"240ms 240ms roam wlan0: now where wlan0 is (240 ms)"}},
		"too fast for the bond to see but the handshake": {wifi, []step{{0, associated}, {100 * ms, wifi}}, []string{
			"100ms 100ms roam wlan0: now where wlan0 is (100 ms)"}},
		"noticed before the bond has no active slave": {wifi, []step{{0, failing}, {100 * ms, lost}, {400 * ms, wifi}}, []string{
			"400ms 400ms roam wlan0: now where wlan0 is (400 ms)"}},
		"back while the kernel is read": {wifi, []step{{0, snapshot{slaves: wifi.slaves}}, {100 * ms, wifi}}, []string{
			"100ms 100ms roam wlan0: now where wlan0 is (100 ms)"}},
		"within downdelay": {wifi, []step{{0, failing}, {400 * ms, wifi}}, []string{
			"400ms 400ms roam wlan0: now where wlan0 is (400 ms)"}},
		"out of range": {wifi, []step{{0, lost}, {8 * time.Second, wifi}}, []string{
			"5s 0s link_down wlan0 -> none", "5s 0s failover wlan0 -> none",
			"8s 8s link_up none -> wlan0", "8s 8s failover none -> wlan0"}},
		"out of range, with a long downdelay": {wifi, []step{{0, failing}, {7 * time.Second, failing}, {9 * time.Second, lost}}, []string{
			"5s 0s link_down wlan0 -> none", "9s 9s failover wlan0 -> none (9000 ms)"}},
		"docked meanwhile": {wifi, []step{{0, lost}, {time.Second, alone}, {2 * time.Second, docked}}, []string{
			"1s 0s link_down wlan0 -> none", "1s 0s failover wlan0 -> none",
			"1s 1s join none -> usb0", "1s 1s failover none -> usb0: only_link", "2s 2s link_up none -> wlan0"}},
		"another member has a link": {onWiFi, []step{{0, alone}, {time.Second, onWiFi}}, []string{
			"0s 0s link_down wlan0 -> none", "0s 0s failover wlan0 -> usb0: only_link",
			"1s 1s link_up none -> wlan0", "1s 1s failover usb0 -> wlan0"}},
		"a backup roams": {docked, []step{{0, alone}, {time.Second, docked}}, []string{
			"0s 0s link_down wlan0 -> none", "1s 1s link_up none -> wlan0"}},
		"the interface is gone": {wifi, []step{{0, snapshot{}}, {time.Second, wifi}}, []string{
			"0s 0s leave wlan0 -> none", "0s 0s failover wlan0 -> none",
			"1s 1s join none -> wlan0", "1s 1s failover none -> wlan0"}},
		"and goes": {wifi, []step{{0, lost}, {time.Second, snapshot{}}}, []string{
			"1s 0s link_down wlan0 -> none", "1s 0s failover wlan0 -> none", "1s 1s leave wlan0 -> none"}},
		"a cable": {alone, []step{{0, snapshot{slaves: slaves("usb0", "down", "wlan0", "down")}}, {time.Second, alone}}, []string{
			"0s 0s link_down usb0 -> none", "0s 0s failover usb0 -> none",
			"1s 1s link_up none -> usb0", "1s 1s failover none -> usb0: only_link"}},
		"back and forth": {wifi, []step{{0, lost}, {ms, wifi}, {10 * ms, lost}, {11 * ms, wifi}, {20 * ms, lost}, {21 * ms, wifi},
			{30 * ms, lost}, {31 * ms, wifi}, {2 * time.Second, lost}, {2001 * ms, wifi}}, []string{
			"1ms 1ms roam wlan0: now where wlan0 is (1 ms)", "11ms 11ms roam wlan0: now where wlan0 is (1 ms)",
			"21ms 21ms roam wlan0: now where wlan0 is (1 ms)",
			"12.001s 2.001s roam wlan0: now where wlan0 is; 2 times in 2.0 s (1 ms)"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newTeller(t, tt.first)
				for _, s := range tt.steps {
					l.until(t, s.at)
					l.look(t, s.is)
				}
				l.until(t, time.Hour)
				if diff := cmp.Diff(tt.want, l.told); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
			})
		})
	}
}

// What else happens while it isn't clear whether it is a roam keeps its place.
func TestRoamBesideTroubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wifi := snapshot{active: "wlan0", wifi: true, slaves: map[string]string{"wlan0": "up"}}
		trouble := statedir.Trouble{Source: statedir.SourceSupplicant, Interface: "wlan0", Text: "the access point is silent"}
		l := newTeller(t, wifi)
		l.look(t, snapshot{slaves: map[string]string{"wlan0": "down"}})
		l.trouble(trouble)
		if err := l.record.save(); err != nil || l.state.Troubles == nil {
			t.Errorf("it isn't shown at once: %+v, %v", l.state, err)
		}
		l.until(t, time.Second)
		l.look(t, wifi)
		trouble.Text = ""
		l.trouble(trouble)
		if err := l.record.save(); err != nil {
			t.Fatal(err)
		}
		want := []string{"1s 0s trouble wlan0: the access point is silent", "1s 1s roam wlan0: now where wlan0 is (1000 ms)", "1s 1s mended wlan0"}
		if diff := cmp.Diff(want, l.told); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}
