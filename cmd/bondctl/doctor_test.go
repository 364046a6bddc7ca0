package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/bond/doctor"
)

func TestPrintReport(t *testing.T) {
	checks := []string{"driver", "rfkill", "firewall"}
	fails := doctor.Finding{Check: "rfkill", Severity: doctor.Fails, Member: new("wlan0"), Seen: "rfkill blocks wlan0 (soft)", Why: "its radio is off", Mend: "rfkill unblock wifi"}
	warns := doctor.Finding{
		Check: "firewall", Severity: doctor.Warns, Seen: "nft has a rule that names eth0: \x1b[2J" + strings.Repeat("long ", 16),
		Why: "it doesn't hold", Mend: "first:\n  " + strings.Repeat("x", 90),
	}
	for _, tt := range []struct {
		name   string
		report doctor.Report
		want   string
	}{
		{"healthy", doctor.Report{Bond: "bond0", Examined: doctor.ExaminedBond, Checks: checks}, "bond0: ok, 3 checks\n"},
		{"no bond", doctor.Report{Bond: "bond0", Examined: doctor.ExaminedMachine, Checks: checks}, "bond0: ok, 3 checks, of the machine alone, for nothing says what the bond is to be\n"},
		{"not all was seen", doctor.Report{Bond: "bond0", Checks: checks, Unknown: []doctor.Unknown{{Check: "firewall", Why: "nft can't"}, {Check: "dns", Why: "\x1b"}}},
			"bond0: ok, 3 checks; not all was seen of firewall (nft can't), dns (\\x1b)\n"},
		{"both", doctor.Report{Bond: "bond0", Checks: checks, Findings: []doctor.Finding{fails, warns}}, `bond0: 1 fails and 1 warns, 3 checks

rfkill: fails
  seen  rfkill blocks wlan0 (soft)
  why   its radio is off
  mend  rfkill unblock wifi

firewall: warns
  seen  nft has a rule that names eth0: \x1b[2Jlong long long long long long
        long long long long long long long long long long
  why   it doesn't hold
  mend  first:
          ` + strings.Repeat("x", 90) + "\n"},
		{"notes", doctor.Report{Bond: "bond0", Checks: checks, Findings: []doctor.Finding{{Check: "a", Severity: doctor.Notes}}}, "bond0: ok, 3 checks, with 1 note\n\na: notes\n  seen  \n  why   \n  mend  \n"},
		{"two", doctor.Report{Bond: "bond0", Checks: checks, Findings: []doctor.Finding{{Check: "a", Severity: doctor.Warns}, {Check: "b", Severity: doctor.Warns}}},
			"bond0: 2 warn, 3 checks\n\na: warns\n  seen  \n  why   \n  mend  \n\nb: warns\n  seen  \n  why   \n  mend  \n"},
	} {
		var b bytes.Buffer
		if err := printReport(&b, tt.report); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, b.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestDoctorUsage: what is no health has a status of its own, and JSON says it on stdout, too.
func TestDoctorUsage(t *testing.T) {
	for _, args := range [][]string{{"--nosuch"}, {"a", "b"}, {"--once"}, {"--member", "eth0", "--miimon", "x"}, {"--config", "/nosuch.toml"}} {
		for _, json := range []bool{false, true} {
			line := append([]string{"doctor"}, args...)
			if json {
				line = append(line, "--json")
			}
			var stdout, stderr bytes.Buffer
			if got := run(t.Context(), line, &stdout, &stderr); got != checkFailed || stderr.Len() == 0 || (stdout.Len() > 0) != json {
				t.Errorf("%v: exit status %d, want %d\n%s%s", line, got, checkFailed, &stdout, &stderr)
			}
		}
	}
}
