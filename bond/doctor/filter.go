package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"
)

// filterTime bounds the time for which a packet filter's program may list its rules.
const filterTime = 3 * time.Second

// filterPrograms list the rules of packet filters. Where iptables is a view of nftables, its
// rules are told twice.
var filterPrograms = [][]string{{"nft", "list", "ruleset"}, {"iptables-save"}, {"ip6tables-save"}}

// A Filter is what a packet filter's program lists.
type Filter struct{ Program, Text string }

// Filters lists packet filters. The error says of which there is a program that couldn't.
func Filters(ctx context.Context) (all []Filter, err error) {
	for _, program := range filterPrograms {
		ctx, cancel := context.WithTimeout(ctx, filterTime)
		text, failed := exec.CommandContext(ctx, program[0], program[1:]...).Output()
		cancel()
		switch {
		case errors.Is(failed, exec.ErrNotFound):
		case failed != nil && err == nil && os.Geteuid() != 0:
			err = fmt.Errorf("%s lists its rules to root alone", program[0])
		case failed != nil && err == nil:
			err = fmt.Errorf("%s can't list its rules: %w", program[0], failed)
		case failed == nil:
			all = append(all, Filter{program[0], string(text)})
		}
	}
	return all, err
}

// Naming are the rules that name an interface, as a whole word that may stand in quotes.
func (f Filter) Naming(name string) (rules []string) {
	named := regexp.MustCompile(`(^|[\s"])` + regexp.QuoteMeta(name) + `($|[\s",])`)
	for line := range strings.Lines(f.Text) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "#") && named.MatchString(line) {
			rules = append(rules, line)
		}
	}
	return rules
}

// checkFirewall tells of rules that name a member. A rule that is there for the bond as well is
// as it should be.
func checkFirewall(f *Facts) (found []Finding) {
	for _, m := range f.present() {
		for _, filter := range f.Filters {
			bonds := filter.Naming(f.Name)
			rules := slices.DeleteFunc(filter.Naming(m.Name), func(rule string) bool {
				return slices.ContainsFunc(bonds, func(b string) bool { return b == rule || b == withWord(rule, m.Name, f.Name) })
			})
			if len(rules) == 0 {
				continue
			}
			seen := fmt.Sprintf("%s has a rule that names %s: %s", filter.Program, m.Name, rules[0])
			if len(rules) > 1 {
				seen = fmt.Sprintf("%s has %d rules that name %s, such as: %s", filter.Program, len(rules), m.Name, rules[0])
			}
			found = append(found, about(m.Name, Finding{Severity: Warns, Seen: seen,
				Why:  "what comes over a member in a bond has the bond for its interface, so the rule doesn't hold there",
				Mend: fmt.Sprintf("name %s in it as well", f.Name)}))
		}
	}
	return found
}

// withWord is a rule with another interface in it.
func withWord(rule, from, to string) string {
	named := regexp.MustCompile(`(^|[\s"])` + regexp.QuoteMeta(from) + `($|[\s",])`)
	return named.ReplaceAllString(rule, "${1}"+strings.ReplaceAll(to, "$", "$$")+"${2}")
}

// filters lists packet filters where there is a member that they could name.
func filters(ctx context.Context, f *Facts) {
	if len(f.present()) == 0 {
		return
	}
	var err error
	f.Filters, err = Filters(ctx)
	f.unknown(err, "firewall")
}
