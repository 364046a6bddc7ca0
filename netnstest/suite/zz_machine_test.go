package suite

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/bondctl/bondctl/netnstest"
)

// onMachine are the tests that have the virtual machine itself, its docks and its Wi-Fi.
var onMachine = []struct {
	name string
	test func(*testing.T)
}{
	{"Better", testBetter},
	{"BetterDuplex", testBetterDuplex},
	{"BetterWiFi", testBetterWiFi},
	{"ColdStandby", testColdStandby},
	{"RoutesNetworks", testRoutesNetworks},
	{"RoutesMPTCPize", testRoutesMPTCPize},
	{"DockAndWiFi", testDockAndWiFi},
	{"StartUndocked", testStartUndocked},
	{"StartWithoutNetwork", testStartWithoutNetwork},
	{"KeeperWiFiTrouble", testKeeperWiFiTrouble},
	{"KeeperHostileNames", testKeeperHostileNames},
	{"Laptop", testLaptop},
	{"Imported", testImported},
	{"RandomMAC", testRandomMAC},
	{"JoinDocked", testJoinDocked},
	{"IWD", testIWD},
	{"DoctorWiFi", testDoctorWiFi},
	{"USBDock", testUSBDock},
	{"PCIDock", testPCIDock},
	{"WiFi", testWiFi},
	{"Udev", testUdev},
	{"BlockedWiFi", testBlockedWiFi},
	{"Places", testPlaces},
	{"SupplicantLives", testSupplicantLives},
	{"SupplicantConfiguration", testSupplicantConfiguration},
	{"DownWhileSupplicantHangs", testDownWhileSupplicantHangs},
	{"SupplicantForeign", testSupplicantForeign},
	{"SupplicantInterface", testSupplicantInterface},
	{"UdevMAC", testUdevMAC},
	{"UdevRedock", testUdevRedock},
	{"UdevFirst", testUdevFirst},
	{"TwoRadios", testTwoRadios},
	{"MovedAP", testMovedAP},
	{"Roam", testRoam},
	{"WrongKey", testWrongKey},
	{"LeasedMTU", testLeasedMTU},
	{"TakeOverInUse", testTakeOverInUse},
	{"NetworkManager", testNetworkManager},
	{"Networkd", testNetworkd},
	{"Ifupdown", testIfupdown},
	{"CleanMachine", testCleanMachine},
}

// TestMachine has one after the other, for there is one machine: together they run beside the tests that have
// hosts of their own. Those that are in everybody's way aren't among them: they set the clock, or
// unload modules.
//
// These are the longest row, so they had better begin first. Of the parallel tests that is the one that is declared
// last, hence this file's name: package testing lets them all go at once, by closing a channel, and Go's runtime wakes
// the one that waits last first. Should it be otherwise one day, the whole takes longer, and nothing else.
func TestMachine(t *testing.T) {
	t.Parallel()
	for _, tt := range onMachine {
		t.Run(tt.name, tt.test)
	}
}

func testUSBDock(t *testing.T) {
	m := netnstest.NewMachine(t)
	usb0 := m.USBDock()
	driver, err := os.Readlink(m.Sys() + "/class/net/usb0/device/driver")
	if err != nil || !strings.HasSuffix(driver, "/cdc_ether") {
		t.Errorf("driver of usb0: %q, %v, want cdc_ether", driver, err)
	}
	linkUp(t, m.Host, "usb0")
	addAddress(t, m.Host, "192.0.2.10/24", "usb0")
	p := m.Ping(100 * time.Millisecond)
	netnstest.Eventually(t, p.Answered)
	usb0.Remove()
	usb0.Insert()
	if out := m.Run("ip", "-o", "link", "show", "usb0"); !strings.Contains(out, usb0.MAC.String()) {
		t.Errorf("usb0 came back without MAC %s: %s", usb0.MAC, out)
	}
}

func testPCIDock(t *testing.T) {
	m := netnstest.NewMachine(t)
	eth0 := m.PCIDock(netnstest.E1000E)
	linkUp(t, m.Host, "eth0")
	netnstest.Eventually(t, m.Carrier("eth0", true))
	if out := m.Run("ethtool", "eth0"); !strings.Contains(out, "Speed: 1000Mb/s") {
		t.Errorf("ethtool eth0: %s", out)
	}
	eth0.Remove()

	eth0 = m.PCIDock(netnstest.VirtioNet)
	linkUp(t, m.Host, "eth0")
	netnstest.Eventually(t, m.Carrier("eth0", true))
	eth0.Pull()
	netnstest.Eventually(t, m.Carrier("eth0", false))
	eth0.Plug()
	netnstest.Eventually(t, m.Carrier("eth0", true))
}

func testWiFi(t *testing.T) {
	m := netnstest.NewMachine(t)
	w := m.WiFi()
	addAddress(t, m.Host, "192.0.2.10/24", w.Name)
	p := m.Ping(100 * time.Millisecond)
	netnstest.Eventually(t, p.Answered)
	w.StopAP()
	netnstest.Eventually(t, m.Carrier(w.Name, false))
	w.StartAP()
	netnstest.Eventually(t, w.Associated)
	netnstest.Eventually(t, p.Answered)
	t.Log(p.Stop())
}

// testCleanMachine comes after the others.
func testCleanMachine(t *testing.T) {
	m := netnstest.NewMachine(t)
	out := m.Run("ip", "-o", "link", "show")
	if n := strings.Count(out, "\n"); n != 1 {
		t.Errorf("a new machine has links besides lo:\n%s", out)
	}
	m.USBDock()
	m.WiFi()
}

func testUdev(t *testing.T) {
	m := netnstest.NewMachine(t)
	m.Udev()
	dock := m.USBDock()
	renamed := "enx" + strings.ReplaceAll(dock.MAC.String(), ":", "")
	netnstest.Eventually(t, m.Present(renamed, true))
	dock.Remove()
	netnstest.Eventually(t, m.Present(renamed, false))
}
