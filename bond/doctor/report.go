package doctor

import (
	"cmp"
	"slices"
)

// Severity says how bad a finding is.
type Severity string

// The values of Severity.
const (
	Fails Severity = "fails" // the bond, or one of its members, can't work
	Warns Severity = "warns" // it works, but not as well as it should, or not for long
	Notes Severity = "notes" // it works; somebody who looks for more speed may change it
)

// A Finding is something that is wrong.
type Finding struct {
	Check    string   `json:"check"` // the name of the check that found it
	Severity Severity `json:"severity"`
	Member   *string  `json:"member"` // the member that it is about; nil for none
	Seen     string   `json:"seen"`   // the evidence
	Why      string   `json:"why"`    // it matters
	Mend     string   `json:"mend"`   // a command, or what to do
}

// An Unknown is what a check couldn't see.
type Unknown struct {
	Check string `json:"check"`
	Why   string `json:"why"`
}

// Examined says what was looked at, beside the machine.
type Examined string

// The values of Examined.
const (
	ExaminedBond          Examined = "bond"
	ExaminedConfiguration Examined = "configuration" // of a bond that isn't there
	ExaminedMachine       Examined = "machine"       // alone: there is neither
)

// A Report is what came of an examination. Its lists are never nil.
type Report struct {
	Bond     string    `json:"bond"`
	Examined Examined  `json:"examined"`
	Findings []Finding `json:"findings"` // the worst first
	Checks   []string  `json:"checks"`   // the names of those that were made
	Unknown  []Unknown `json:"unknown"`  // what they couldn't see
}

// Worst is the worst severity among the findings; "" where there is none.
func (r Report) Worst() Severity {
	if len(r.Findings) == 0 {
		return ""
	}
	return r.Findings[0].Severity
}

// A check looks for one kind of trouble.
type check struct {
	name string
	run  func(*Facts) []Finding
	// first says that an up makes it before its first change, for what it finds would make it
	// fail, and nothing else tells of it in time.
	first bool
	// group says that it is about the members of the strategy routes as well; the others are about a bond.
	group bool
}

// checks are all there are. The order is that of findings that are equally bad.
var checks = []check{
	{name: "driver", run: checkDriver, first: true},
	{name: "capability", run: checkCapability, first: true, group: true},
	{name: "kernel-options", run: checkKernelOptions},
	{name: "module-bond", run: checkModuleBond},
	{name: "obstacle", run: checkObstacle},
	{name: "owner", run: checkOwner},
	{name: "dhcp-client", run: checkDHCPClient},
	{name: "member-traffic", run: checkMemberTraffic},
	{name: "rfkill", run: checkRFKill, group: true},
	{name: "supplicant", run: checkSupplicant, group: true},
	{name: "mac-fixed", run: checkFixedMAC},
	{name: "mac-randomization", run: checkRandomMAC},
	{name: "mac-policy", run: checkMACPolicy},
	{name: "same-mac", run: checkSameMAC},
	{name: "mtu", run: checkMTU},
	{name: "half-dead", run: checkHalfDead},
	{name: "networks-differ", run: checkNetworks},
	{name: "updelay", run: checkUpdelay},
	{name: "better-speed", run: checkBetter},
	{name: "power-save", run: checkPowerSave, group: true},
	{name: "rp-filter", run: checkRPFilter},
	{name: "arp-settings", run: checkARPSettings},
	{name: "firewall", run: checkFirewall},
	{name: "dns", run: checkDNS, group: true},
	{name: "services", run: checkServices, group: true},
	{name: "wait-online", run: checkWaitOnline},
	{name: "health", run: checkHealth, group: true},
}

// Examine makes all checks.
func (f *Facts) Examine() Report { return f.examine(checks) }

// Before makes the checks of what would make an up fail and nothing else tells of before the
// first change.
func (f *Facts) Before() Report {
	return f.examine(slices.DeleteFunc(slices.Clone(checks), func(c check) bool { return !c.first }))
}

func (f *Facts) examine(checks []check) Report {
	r := Report{Bond: f.Name, Examined: f.examined(), Findings: []Finding{}, Checks: []string{}, Unknown: []Unknown{}}
	for _, c := range checks {
		if !c.group && f.Config != nil && f.Config.ByRoutes() {
			continue
		}
		r.Checks = append(r.Checks, c.name)
		for _, finding := range c.run(f) {
			finding.Check = c.name
			r.Findings = append(r.Findings, finding)
		}
		if why := f.Unknown[c.name]; why != "" {
			r.Unknown = append(r.Unknown, Unknown{c.name, why})
		}
	}
	slices.SortStableFunc(r.Findings, func(a, b Finding) int { return cmp.Compare(rank[a.Severity], rank[b.Severity]) })
	return r
}

func (f *Facts) examined() Examined {
	switch {
	case f.Bond != nil:
		return ExaminedBond
	case f.Config != nil:
		return ExaminedConfiguration
	}
	return ExaminedMachine
}

var rank = map[Severity]int{Fails: 0, Warns: 1, Notes: 2}

// about is a finding about a member.
func about(member string, f Finding) Finding {
	f.Member = &member
	return f
}
