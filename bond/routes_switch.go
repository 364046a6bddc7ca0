package bond

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// switchByRoutes makes a member of a group the active one, until it loses its carrier. The caller has the lock.
func (h *Host) switchByRoutes(ctx context.Context, name, member string, r record, how How) (chosen, until string, err error) {
	s, err := h.look(*r.Config)
	if err != nil {
		return "", "", err
	}
	members := s.routesMembers(*r.Config)
	at := slices.IndexFunc(members, func(m routesMember) bool { return m.link.Name != "" && m.link.isCalled(member) })
	if err := mayBeActive(name, member, members, at); err != nil {
		return "", "", err
	}
	m := members[at]
	if err := h.choose(ctx, name, r, &choice{m.name, m.link.Index, m.link.Changes}, how); err != nil {
		return "", "", err
	}
	return m.name, "it stays active as long as its link is up; then the order decides again", nil
}

// choose notes whom somebody has chosen, nil for nobody, and has the routes go by that. The caller has the lock.
func (h *Host) choose(ctx context.Context, name string, r record, chosen *choice, how How) error {
	was := r
	r.Manual = chosen
	if err := h.store.writeRecord(name, r); err != nil {
		return err
	}
	if _, err := h.reconcileLocked(ctx, name, nil, how); err != nil {
		return errors.Join(err, h.store.writeRecord(name, was))
	}
	return nil
}

// mayBeActive says why a member of a group can't be made active.
func mayBeActive(name, member string, members []routesMember, at int) error {
	obstacle := func(format string, args ...any) error {
		return &ObstacleError{Bond: name, What: fmt.Sprintf(format, args...)}
	}
	if at < 0 {
		var names []string
		for _, m := range members {
			names = append(names, m.name)
		}
		return obstacle("%s is no member of %s (there are: %s)", member, name, strings.Join(names, ", "))
	}
	m := members[at]
	_, leadsOut := m.leads()
	switch {
	case m.pending != "":
		return obstacle("%s is %s", m.name, m.pending)
	case !m.addressed():
		return obstacle("%s has no address", m.name)
	case !m.usable():
		return obstacle("%s has no link", m.name)
	case !leadsOut:
		return obstacle("%s has no gateway, so only its own network is reached over it", m.name)
	}
	return nil
}
