package manager

import "strings"

// exact says whether a match is a name alone.
func (m Match) exact() bool {
	return !strings.Contains(m.Name, "*") && m == Match{Name: m.Name}
}
