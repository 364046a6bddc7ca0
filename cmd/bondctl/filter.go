package main

import (
	"context"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bondctl/bondctl/bond"
)

// filterTime bounds the time for which a packet filter's program may list its rules.
const filterTime = 3 * time.Second

// filterPrograms list the rules of packet filters. Where iptables is a view of nftables, its
// rules are told twice.
var filterPrograms = [][]string{{"nft", "list", "ruleset"}, {"iptables-save"}, {"ip6tables-save"}}

// warnOfFilters tells of rules of packet filters that name a member which is about to join:
// what comes over it has the bond for its interface then. Where there is no such program, or no
// privilege for it, there is nothing to tell.
func warnOfFilters(c *cli.Context, name string, plan bond.Plan) {
	if !plan.Takes {
		return
	}
	for _, program := range filterPrograms {
		ctx, cancel := context.WithTimeout(c.Context, filterTime)
		text, err := exec.CommandContext(ctx, program[0], program[1:]...).Output()
		cancel()
		if err != nil {
			continue
		}
		for _, member := range plan.Joining() {
			switch rules := rulesNaming(string(text), member); len(rules) {
			case 0:
			case 1:
				warn(c, "%s has a rule that names %s: %q; it doesn't hold over the bond; name %s in it as well", program[0], member, rules[0], name)
			default:
				warn(c, "%s has %d rules that name %s, such as %q; they don't hold over the bond; name %s in them as well", program[0], len(rules), member, rules[0], name)
			}
		}
	}
}

// rulesNaming are the rules in the text of a packet filter that name an interface, as a whole
// word that may stand in quotes.
func rulesNaming(text, name string) (rules []string) {
	named := regexp.MustCompile(`(^|[\s"])` + regexp.QuoteMeta(name) + `($|[\s",])`)
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "#") && named.MatchString(line) {
			rules = append(rules, line)
		}
	}
	return rules
}
