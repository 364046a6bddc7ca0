package main

import "testing"

// TestLeavesForeign: what networkd.conf says of others' rules and routes counts in its section, the last one said.
func TestLeavesForeign(t *testing.T) {
	for text, want := range map[string][2]bool{
		"": {false, false},
		"[Network]\nManageForeignRoutingPolicyRules=no\nManageForeignRoutes = false\n":                         {true, true},
		"[Network]\nManageForeignRoutes=no\nManageForeignRoutes=yes\n":                                         {false, false},
		"[DHCPv4]\nManageForeignRoutes=no\n":                                                                   {false, false},
		"# [Network]\nManageForeignRoutes=no\n":                                                                {false, false},
		"[Network]\n#ManageForeignRoutes=no\n;x\nManageForeignRoutingPolicyRules=off":                          {true, false},
		"[Network]\nManageForeignRoutingPolicyRules=no\n[Other]\nManageForeignRoutingPolicyRules=yes\n":        {true, false},
		"[Network]\nManageForeignRoutes=no\n[Network]\nManageForeignRoutingPolicyRules=no\n[Network]\nOther=1": {true, true},
	} {
		keeps := map[string]bool{}
		leavesForeign(text, keeps)
		if got := [2]bool{keeps[foreignRules], keeps[foreignRoutes]}; got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}
