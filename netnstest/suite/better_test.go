package suite

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
)

// testBetter plays primary_reselect better over links that differ. "The primary slave becomes the
// active slave when it comes back up, if the speed and duplex of the primary slave is better than the
// speed and duplex of the current active slave", says Documentation/networking/bonding.rst. What it
// doesn't say: the driver compares speeds as unsigned numbers, and SPEED_UNKNOWN (-1) is then the
// greatest of all. Wi-Fi, USB and virtio NICs have no speed to tell.
func testBetter(t *testing.T) {
	m := netnstest.NewMachine(t)
	m.PCIDock(netnstest.E1000E) // eth0, 1000 Mb/s full
	m.USBDock()                 // usb0, unknown
	m.WiFi()                    // wlan0, unknown
	m.Cable("eth1")             // 10000 Mb/s full

	for _, tt := range []struct {
		primary, other string
		returns        bool
		warned         string // members whose unknown speed up warns of
	}{
		{primary: "eth1", other: "eth0", returns: true},
		{primary: "eth0", other: "eth1", returns: false},
		{primary: "eth1", other: "usb0", returns: false, warned: "usb0"},
		{primary: "usb0", other: "eth1", returns: true, warned: "usb0"},
		{primary: "eth0", other: "wlan0", returns: false, warned: "wlan0"},
		{primary: "usb0", other: "wlan0", returns: false, warned: "usb0 wlan0"}, // equally unknown
	} {
		name := tt.primary + " over " + tt.other
		t.Run(name, func(t *testing.T) { playBetter(t, m, tt.primary, tt.other, tt.returns, tt.warned) })
	}
}

// testBetterDuplex: of links of the same speed the one of full duplex is better.
func testBetterDuplex(t *testing.T) {
	m := netnstest.NewMachine(t)
	m.PCIDock(netnstest.VirtioNet) // eth0, which believes what it is told
	m.Cable("eth1")                // 10000 Mb/s full
	m.Run("ethtool", "-s", "eth0", "speed", "10000", "duplex", "half")
	t.Run("full over half", func(t *testing.T) { playBetter(t, m, "eth1", "eth0", true, "") })
	t.Run("half over full", func(t *testing.T) { playBetter(t, m, "eth0", "eth1", false, "") })
}

// playBetter loses the primary of a bond of two and gives it back. The NICs that have no cable to be
// pulled are set down, which the driver takes for the same.
func playBetter(t *testing.T, m *netnstest.Machine, primary, other string, returns bool, warned string) {
	for _, member := range strings.Fields(warned) {
		// That a speed is unknown isn't known before there is a carrier.
		linkUp(t, m.Host, member)
		netnstest.Eventually(t, m.Carrier(member, true))
	}
	o := up(t, m.Host, "--primary-reselect", "better", "--updelay", "0", "--address", "192.0.2.10/24",
		"--primary", primary, "--member", primary, "--member", other)
	defer succeeds(t, m.Host, "down")
	for _, member := range []string{primary, other} {
		warns := strings.Contains(o.Stderr, "unknown speed of "+member)
		if want := strings.Contains(warned, member); warns != want {
			t.Errorf("up warns of %s: %t, want %t\n%s", member, warns, want, o.Stderr)
		}
	}
	wait := func(primaryIs, active string) {
		t.Helper()
		netnstest.Eventually(t, func() error {
			return settled(m.Host, map[string]string{primary: primaryIs, other: "up"}, active)
		})
	}
	wait("up", primary)
	linkDown(t, m.Host, primary)
	wait("down", other)
	linkUp(t, m.Host, primary)
	if !returns {
		primary, other = other, primary
	}
	wait("up", primary)
}

// testBetterWiFi has two Wi-Fi members of different signal and a cable, of which the kernel takes Wi-Fi for the
// fastest. With a keeper the cable serves while it has a link, and then the stronger Wi-Fi; a signal that wobbles
// changes nothing. (The long form: one that is stronger for good does, after a while.)
func testBetterWiFi(t *testing.T) {
	m := netnstest.NewMachine(t)
	eth0 := m.Cable("eth0")
	weak, strong := m.WiFi(), m.Radio()
	strong.StartAP()
	strong.StartSupplicant()
	netnstest.Eventually(t, strong.Associated)
	weak.SetSignal(-75)
	strong.SetSignal(-45)
	succeeds(t, m.Host, "up", "--primary-reselect", "better", "--updelay", "100", "--address", "192.0.2.10/24",
		"--member", "eth0", "--member", weak.Name, "--member", strong.Name)
	defer succeeds(t, m.Host, "down")
	netnstest.Eventually(t, usable(m.Host, "eth0", weak.Name, strong.Name))
	netnstest.Eventually(t, weak.Associated)
	netnstest.Eventually(t, strong.Associated)
	netnstest.Eventually(t, active(m.Host, "eth0"))
	for range sample(1, 3) {
		eth0.Pull()
		netnstest.Eventually(t, active(m.Host, strong.Name))
		eth0.Plug()
		netnstest.Eventually(t, active(m.Host, "eth0"))
	}
	eth0.Pull()
	netnstest.Eventually(t, active(m.Host, strong.Name))
	weak.SetSignal(-43)
	netnstest.Eventually(t, says(t, m.Host, func(st bondStatus) error {
		// It has looked, and has seen it: the access point's 20 dBm are added.
		if st.Better == nil || !strings.Contains(*st.Better, weak.Name+" -2") {
			return fmt.Errorf("the figures aren't those of now: %+v", st)
		}
		return nil
	}))
	if err := active(m.Host, strong.Name)(); err != nil {
		t.Errorf("a signal that is stronger by 2 dB: %v", err)
	}
	if o := succeeds(t, m.Host, "status"); !strings.Contains(o.Stdout, "the keeper decides, for the kernel doesn't know each speed: wlan") {
		t.Errorf("status doesn't say who decides:\n%s", o.Stdout)
	}
	for range sample(0, 1) {
		strong.SetSignal(-80)
		netnstest.Eventually(t, active(m.Host, weak.Name))
	}
}
