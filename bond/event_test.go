package bond

import "testing"

func TestEventWords(t *testing.T) {
	for want, e := range map[string]Event{
		"bond0 failover eth0 -> none":               {Event: EventFailover, From: new("eth0")},
		"bond0 trouble wlan0: wrong passphrase":     {Event: EventTrouble, From: new("wlan0"), Message: new("wrong passphrase")},
		"bond0 mended wlan0":                        {Event: EventMended, To: new("wlan0")},
		"bond0 roam wlan0 (240 ms)":                 {Event: EventRoam, From: new("wlan0"), To: new("wlan0"), SwitchMS: new(240)},
		"bond0 lease none -> 192.0.2.7/24 (740 ms)": {Event: EventLease, To: new("192.0.2.7/24"), SwitchMS: new(740)},
		"bond0 failover eth0 -> wlan0: only_link (9 ms), outage 12 ms": {
			Event: EventFailover, From: new("eth0"), To: new("wlan0"), Reason: new(ReasonOnlyLink), SwitchMS: new(9), OutageMS: new(12),
		},
	} {
		e.Bond = "bond0"
		if got := e.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
