package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/drill"
)

func TestDrillSentence(t *testing.T) {
	kinds := map[string]string{"eth0": bond.KindWired, "eth1": bond.KindWired, "wlan0": bond.KindWiFi}
	ms := func(n int) *int { return &n }
	for _, tt := range []struct {
		name, from, to string
		by, backBy     string
		lost, outage   *int
		backLost, back *int
		want           string
	}{
		{"dock", "eth0", "wlan0", drill.ByCut, drill.BackByPolicy, ms(2), ms(12), ms(0), ms(0), "undocking costs you 12 ms, and docking again less than 10 ms"},
		{"dock, and stays", "eth0", "wlan0", drill.ByCut, drill.BackByHand, ms(2), ms(12), ms(0), ms(0), "undocking costs you 12 ms; docked again, you stay on wlan0 until that fails"},
		{"two cables", "eth0", "eth1", drill.ByCut, drill.BackByPolicy, ms(0), ms(0), ms(3), ms(30), "losing eth0 costs you less than 10 ms, and its return 30 ms"},
		{"two cables, and stays", "eth0", "eth1", drill.ByCut, drill.BackByHand, ms(7), ms(70), ms(0), ms(0), "losing eth0 costs you 70 ms; when it returns, eth1 stays active"},
		{"from Wi-Fi", "wlan0", "eth0", drill.ByCut, drill.BackByHand, ms(7), ms(70), ms(0), ms(0), "losing wlan0 costs you 70 ms; when it returns, eth0 stays active"},
		{"not known", "eth0", "eth1", drill.ByCut, drill.BackByPolicy, ms(7), nil, nil, nil, "losing eth0 costs you an unknown time, and its return an unknown time"},
		{"switched", "eth0", "wlan0", drill.BySwitch, drill.BackByHand, ms(0), ms(0), ms(1), ms(10), "switching from eth0 to wlan0 costs you less than 10 ms, and back 10 ms; what a failure costs, which has to be noticed first, is shown by --cut"},
	} {
		f := drill.Failover{By: tt.by, From: tt.from, To: &tt.to, BackBy: &tt.backBy, Lost: tt.lost, OutageMS: tt.outage, BackLost: tt.backLost, BackOutageMS: tt.back}
		if got := sentence(f, kinds, false, 10*time.Millisecond); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// Mistakes in the command line are found before anything is looked at.
func TestDrillUsage(t *testing.T) {
	for args, want := range map[string]string{
		"--rate 0":                 "--rate",
		"--rate 1001":              "from 1 to 1000",
		"--rate 10x":               "--rate",
		"--rate 1.5":               "--rate",
		"--rate=":                  "--rate",
		"--target 192.0.2":         "--target",
		"--target ff02::1":         "--target",
		"--target 0.0.0.0":         "--target",
		"--target 127.0.0.1":       "--target",
		"--wait 10":                "--wait",
		"--wait 10ms":              "--wait",
		"bond0 eth0":               `"eth0" is one argument too many; write bondctl drill [NAME]`,
		"bond0/..":                 "bond0/..",
		"--cutt":                   "did you mean --cut?",
		"--json=true":              "takes no value",
		"testbond0 --rate -1":      "--rate",
		"testbond0 --wait forever": "--wait",
	} {
		var stdout, stderr bytes.Buffer
		status := run(t.Context(), append([]string{"drill"}, strings.Fields(args)...), &stdout, &stderr)
		if status != exitUsage || !strings.Contains(stderr.String(), want) || stdout.Len() > 0 {
			t.Errorf("drill %s: status %d, %q, want %d and %q", args, status, &stderr, exitUsage, want)
		}
	}
}
