package suite

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
)

// testColdStandby has Wi-Fi rest while the cable serves (wifi_standby cold): it leaves its network, is no
// weakness, is woken when the cable goes, and goes on resting under another keeper.
func testColdStandby(t *testing.T) {
	m := netnstest.NewMachine(t)
	eth0 := m.Cable("eth0")
	wifi := m.Radio()
	wifi.StartAP()
	config := filepath.Join(t.TempDir(), "bond0.toml")
	write := func(standby string) {
		text := fmt.Sprintf("wifi_standby = %q\nupdelay = 100\nmiimon = 100\n[[member]]\nname = \"eth0\"\n"+
			"[[member]]\nname = %q\nwpa_conf = %q\n[ipv4]\naddresses = [\"192.0.2.10/24\"]\n", standby, wifi.Name, wifi.Config(netnstest.Control))
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("cold")
	succeeds(t, m.Host, "up", "--config", config)
	defer succeeds(t, m.Host, "down")
	rests := says(t, m.Host, func(st bondStatus) error {
		w := st.member(t, wifi.Name)
		if st.ActiveSlave != "eth0" || !w.Resting || w.WiFi != nil || st.Health != "ok" {
			return fmt.Errorf("%s active, health %s: %s, %+v", st.ActiveSlave, st.Health, st.HealthReason, w)
		}
		return nil
	})
	netnstest.Eventually(t, rests)
	if o := succeeds(t, m.Host, "status"); !strings.Contains(o.Stdout, "at rest (cold)") {
		t.Errorf("status doesn't say that it rests:\n%s", o.Stdout)
	}

	for n := range sample(1, 20) {
		eth0.Pull()
		netnstest.Eventually(t, active(m.Host, wifi.Name))
		netnstest.Eventually(t, wakes(t, m.Host, n+1))
		eth0.Plug()
		netnstest.Eventually(t, rests)
	}

	keeper := keeperOf(t, m.Host)
	if err := syscall.Kill(keeper, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	netnstest.Eventually(t, ended(keeper))
	succeeds(t, m.Host, "up")
	netnstest.Eventually(t, rests)
	if strings.Contains(succeeds(t, m.Host, "events").Stdout, "trouble") {
		t.Errorf("that it rests is told as trouble:\n%s", succeeds(t, m.Host, "events").Stdout)
	}

	write("warm")
	succeeds(t, m.Host, "up", "--config", config)
	netnstest.Eventually(t, says(t, m.Host, func(st bondStatus) error {
		if w := st.member(t, wifi.Name); w.Resting || w.WiFi == nil {
			return fmt.Errorf("not associated: %+v", w)
		}
		return nil
	}))
	t.Log("\n" + succeeds(t, m.Host, "events").Stdout)
}

// wakes says whether the history has so many wakes, each with the time that it took.
func wakes(t *testing.T, h *netnstest.Host, n int) func() error {
	return func() error {
		var took []int
		for _, e := range history(t, h) {
			if e.Event == "wake" && e.SwitchMS != nil {
				took = append(took, *e.SwitchMS)
			}
		}
		if len(took) < n {
			return fmt.Errorf("wakes so far: %v ms", took)
		}
		return nil
	}
}
