package bond

// Joining are the members that join the bond by the plan, in the order in which they do.
func (p Plan) Joining() (names []string) {
	for _, step := range p.Steps {
		if e, ok := step.(enslave); ok {
			names = append(names, e.Member)
		}
	}
	return names
}
