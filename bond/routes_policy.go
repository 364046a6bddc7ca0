package bond

import (
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// A PolicyTable is a part of the routing policy for people: a title for each column, and rows.
type PolicyTable struct {
	Title []string
	Rows  [][]string
}

// policy is what the members' rules and routes come to once the plan is carried out, in the order in which the kernel
// asks: the rules by priority, then each table.
func (p *routesPlanner) policy() []PolicyTable {
	rules := PolicyTable{Title: []string{"RULE", "FROM", "TO", "LOOKS UP", "BUT NOT"}}
	routes := PolicyTable{Title: []string{"TABLE", "TO", "VIA", "OVER", "METRIC", "SOURCE"}}
	for _, m := range p.members {
		rules.Rows = append(rules.Rows, policyRules(p.rulesOf(m))...)
		for _, n := range m.nets {
			routes.Rows = append(routes.Rows, n.policyRoutes(m)...)
		}
	}
	return []PolicyTable{rules, routes}
}

func policyRules(rules []rtnl.Rule) (rows [][]string) {
	for _, r := range rules {
		to, not := "anywhere", ""
		if r.To.IsValid() {
			to = r.To.String()
		}
		if r.SuppressDefault {
			not = "its default routes"
		}
		rows = append(rows, []string{strconv.Itoa(int(r.Priority)), r.From.Addr().String(), to, tableName(r.Table), not})
	}
	return rows
}

// policyRoutes are the routes, with those that the kernel makes of the addresses.
func (n routesNet) policyRoutes(m routesMember) (rows [][]string) {
	for _, a := range n.addresses {
		if a.Bits() < a.Addr().BitLen() {
			rows = append(rows, []string{tableName(unix.RT_TABLE_MAIN), a.Masked().String(), "", m.name, strconv.Itoa(int(n.metric)), a.Addr().String()})
		}
	}
	for _, r := range n.routes(m.link.Index) {
		to, via, metric := r.Destination.String(), "", ""
		if r.Destination.Bits() == 0 {
			to = "default"
		}
		if r.Gateway.IsValid() {
			via = r.Gateway.String()
		}
		if r.Table == unix.RT_TABLE_MAIN {
			metric = strconv.Itoa(int(r.Metric))
		}
		source := ""
		if r.Source.IsValid() {
			source = r.Source.String()
		}
		rows = append(rows, []string{tableName(r.Table), to, via, m.name, metric, source})
	}
	return rows
}

func tableName(table uint32) string {
	if table == unix.RT_TABLE_MAIN {
		return "main"
	}
	return strconv.FormatUint(uint64(table), 10)
}
