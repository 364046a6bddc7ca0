package bond

// Joining are the members that join the bond or the group by the plan, in the order in which they do.
func (p Plan) Joining() (names []string) {
	for _, step := range p.Steps {
		if e, ok := step.(enslave); ok {
			names = append(names, e.Member)
		}
	}
	return append(names, p.joining...)
}

// Leasing are those of Joining that a group has leased addresses of their own; nil for a bond, which is leased one itself.
func (p Plan) Leasing() []string { return p.leasing }
