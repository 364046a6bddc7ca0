package doctor

import (
	"context"
	"fmt"
	"strings"
)

// checkOwner tells who else looks after members.
func checkOwner(f *Facts) (found []Finding) {
	for _, h := range f.Holds {
		m, _ := f.member(h.Interface)
		finding := Finding{Severity: Fails, Seen: h.What, Mend: strings.Join(h.Lines, "\n"),
			Why: fmt.Sprintf("%s and a bond can't both have %s: one day it gives it an address again, or takes it out of the bond", h.Manager, h.Interface)}
		if m.Enslaved {
			finding.Severity = Warns
		}
		found = append(found, about(h.Interface, finding))
	}
	return found
}

// holds asks who looks after members.
func (g Gatherer) holds(ctx context.Context, f *Facts) {
	if g.Holds == nil {
		return
	}
	holds, err := g.Holds(ctx, f.names())
	f.Holds = holds
	f.unknown(err, "owner")
}

// names are those of the members that are there.
func (f *Facts) names() (names []string) {
	for _, m := range f.present() {
		names = append(names, m.Name)
	}
	return names
}
