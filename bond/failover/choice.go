package failover

// choice is whom the driver makes active when it selects anew (bond_find_best_slave), of
// the slaves in the order in which they were enslaved: a slave's ifindex, 0 for none. up
// says which are up for it.
//
// One thing is left out: with none up the driver takes one that is in its updelay.
// Nobody else can make such a one active.
func (b bonding) choice(slaves []slave, up func(slave) bool, faster func(than, then slave) bool) int {
	preferred, current := b.preferred(slaves, up), (*slave)(nil)
	for i, s := range slaves {
		if s.index == b.active && up(s) {
			current = &slaves[i]
		}
	}
	switch {
	case preferred == nil:
		return 0
	case current == nil || current.index == preferred.index:
		return preferred.index
	case preferred.index != b.primary && preferred.prio == nil:
		return current.index // a kernel without prio (before 6.0) has no other preference than the primary
	case b.reselect == reselectAlways, b.reselect == reselectBetter && faster(*preferred, *current):
		return preferred.index
	}
	return current.index
}

// preferred is the slave that is up and goes before all others that are: the primary, else
// the one with the greatest prio, else the first; nil where none is up.
func (b bonding) preferred(slaves []slave, up func(slave) bool) (best *slave) {
	for i := range slaves {
		s := &slaves[i]
		switch {
		case !up(*s):
		case s.index == b.primary:
			return s
		case best == nil || value(s.prio) > value(best.prio):
			best = s
		}
	}
	return best
}

func value(prio *int32) int32 {
	if prio == nil {
		return 0
	}
	return *prio
}
