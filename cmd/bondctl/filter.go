package main

import (
	"github.com/urfave/cli/v2"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/doctor"
)

// warnOfFilters tells of rules of packet filters that name a member which is about to join:
// what comes over it has the bond for its interface then. Where there is no such program, or no
// privilege for it, there is nothing to tell.
func warnOfFilters(c *cli.Context, name string, plan bond.Plan) {
	if !plan.Takes {
		return
	}
	filters, _ := doctor.Filters(c.Context)
	for _, filter := range filters {
		for _, member := range plan.Joining() {
			switch rules := filter.Naming(member); len(rules) {
			case 0:
			case 1:
				warn(c, "%s has a rule that names %s: %q; it doesn't hold over the bond; name %s in it as well", filter.Program, member, rules[0], name)
			default:
				warn(c, "%s has %d rules that name %s, such as %q; they don't hold over the bond; name %s in them as well", filter.Program, len(rules), member, rules[0], name)
			}
		}
	}
}
