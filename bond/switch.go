package bond

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// Switch makes a slave the active one now. It returns the slave's name, which may have
// been called by an alternative one, and a text that says when another one will take
// over again.
//
// The error is ErrNoBond, an [*ObstacleError] for a member that can't be active
// now, a [*TrialError] while a drill is under way, a [*StepError], or that of [How.Verify], after which the slave that was active
// before is so again.
func (h *Host) Switch(ctx context.Context, name, member string, how How) (slave, until string, err error) {
	if !h.exists(name) {
		return "", "", fmt.Errorf("%s: %w", name, ErrNoBond)
	}
	unlock, err := h.store.lock(ctx, name)
	if err != nil {
		return "", "", err
	}
	defer unlock()
	if h.Drilled(name) {
		if err := h.undisturbed(name); err != nil {
			return "", "", err
		}
	}
	was, err := h.store.record(name)
	if err != nil {
		return "", "", err
	}
	if was.byRoutes() {
		return h.switchByRoutes(ctx, name, member, was, how)
	}
	s, err := h.observe(name, nil)
	if err != nil {
		return "", "", err
	}
	if s.Bond == nil {
		return "", "", fmt.Errorf("%s: %w", name, ErrNoBond)
	}
	if l, present := s.linkCalled(member); present {
		member = l.Name
	}
	if err := switchable(s, member); err != nil {
		return "", "", err
	}
	// The keeper may see the switch before this function returns.
	if err := h.rememberManual(s, member); err != nil && !errors.Is(err, fs.ErrPermission) {
		return "", "", err
	}
	if s.Bond.ActiveSlave != member {
		step := setActive{name, s.Bond.ActiveSlave, member}
		if _, err := h.kernel.apply(ctx, []Step{step}, how); err != nil {
			return "", "", err
		}
		if err := h.verifySwitch(ctx, step, was, how); err != nil {
			return "", "", err
		}
	}
	return member, untilWhen(s, member), nil
}

// Prefer makes a slave the active one in place of another one, unless that isn't active any more or the
// slave can't be. Nobody chose it by hand. It is for a keeper, where the kernel can't tell which is
// better (primary_reselect better) or whose path is dead.
func (h *Host) Prefer(ctx context.Context, name, from, to string) error {
	return h.step(ctx, name, How{}, func(s State) (Step, error) {
		if s.Bond.ActiveSlave != from || switchable(s, to) != nil {
			return nil, nil
		}
		return setActive{name, from, to}, nil
	})
}

// step carries out the one step that a bond's state calls for; nil for none.
func (h *Host) step(ctx context.Context, name string, how How, choose func(State) (Step, error)) error {
	return h.locked(ctx, name, func(s State) error {
		step, err := choose(s)
		if step == nil || err != nil {
			return err
		}
		_, err = h.kernel.apply(ctx, []Step{step}, how)
		return err
	})
}

// locked calls f with how a bond is, under its apply lock. The error is ErrNoBond where there is no
// such bond.
func (h *Host) locked(ctx context.Context, name string, f func(State) error) error {
	unlock, err := h.store.lock(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	s, err := h.observe(name, nil)
	if err != nil {
		return err
	}
	if s.Bond == nil {
		return fmt.Errorf("%s: %w", name, ErrNoBond)
	}
	return f(s)
}

// verifySwitch switches back if How.Verify says that the new active slave doesn't do. was is
// what was recorded before.
func (h *Host) verifySwitch(ctx context.Context, step setActive, was record, how How) error {
	if how.Verify == nil || step.From == "" {
		return nil
	}
	err := how.Verify(ctx)
	if err == nil {
		return nil
	}
	_, refused := h.kernel.restore([]Step{setActive{step.Bond, step.To, step.From}}, how)
	if back := joined(refused); back != nil {
		return fmt.Errorf("%w; %w", err, back)
	}
	if was.Config != nil {
		return errors.Join(err, h.store.writeRecord(step.Bond, was))
	}
	return err
}

// switchable says why a member can't be made active. The kernel would answer
// with a bare "invalid argument".
func switchable(s State, member string) error {
	obstacle := func(format string, args ...any) error {
		return &ObstacleError{Bond: s.Name, What: fmt.Sprintf(format, args...)}
	}
	if s.Bond.Mode != activeBackup {
		return obstacle("%s has mode %s, in which no member is the active one", s.Name, s.Bond.Mode)
	}
	slave, ok := s.slave(member)
	if !ok {
		return obstacle("%s is no member of %s (there are: %s)", member, s.Name, orNone(strings.Join(s.Bond.slaveNames(), ", ")))
	}
	switch slave.MIIStatus {
	case "down":
		return obstacle("%s has no link", member)
	case "going back":
		return obstacle("the link of %s is up, but its updelay (%d ms) is still running", member, value(s.Bond.Options.Updelay))
	}
	return nil
}

// untilWhen says for how long a slave that was made active by hand stays active. The
// driver selects anew when the active slave's link fails. It does, too, when the link
// of the primary returns, or of a slave with a higher prio than the active one
// (bond_miimon_commit). Other slaves make no difference.
func untilWhen(s State, member string) string {
	primary, reselect := s.Bond.Primary, value(s.Bond.Options.PrimaryReselect)
	rival := primary
	if rival == "" {
		rival = s.bestPrio()
	}
	switch {
	case rival == "" || rival == member:
		return "it stays active as long as its link is up"
	case reselect == ReselectFailure:
		return fmt.Sprintf("it stays active until its link fails (primary_reselect failure); then %s may take over", rival)
	case reselect == ReselectBetter:
		return fmt.Sprintf("it stays active until its link fails, or that of a preferred member returns and %s is the faster one (primary_reselect better)", rival)
	}
	return fmt.Sprintf("it stays active until its link fails or that of a preferred member returns (primary_reselect always); then %s takes over", rival)
}

// bestPrio is the slave that the kernel prefers by prio; "" when none stands out.
func (s *State) bestPrio() string {
	best, tied := "", true
	top := 0
	for _, m := range s.Bond.Slaves {
		switch prio := value(m.Prio); {
		case best == "" || prio > top:
			best, top, tied = m.Name, prio, false
		case prio == top:
			tied = true
		}
	}
	if tied {
		return ""
	}
	return best
}

// rememberManual notes that a slave was made active by hand.
func (h *Host) rememberManual(s State, member string) error {
	r, err := h.store.record(s.Name)
	if err != nil || r.Config == nil {
		return err
	}
	link, _ := s.link(member)
	slave, _ := s.slave(member)
	r.Manual = &choice{member, link.Index, slave.LinkFailureCount}
	return h.store.writeRecord(s.Name, r)
}

// holds says whether the slave is active because of this choice.
func (c *choice) holds(s State) bool {
	if c == nil || c.Slave != s.Bond.ActiveSlave {
		return false
	}
	link, _ := s.link(c.Slave)
	slave, _ := s.slave(c.Slave)
	return link.Index == c.Ifindex && slave.LinkFailureCount == c.Failures
}
