package bond

import "slices"

// A Survey is what there is of a bond and of everything beside it, for whoever looks for what
// is wrong with them.
type Survey struct {
	// Members are those that are wanted, and the bond's slaves that aren't.
	Members []Surveyed
	// Others are all other interfaces, the bond included.
	Others []Link
	// Options are the bond's or, where it doesn't exist or nobody uses it, those that it would
	// get; all are nil where neither can be told.
	Options Options
}

// A Surveyed is a member. Its Link is zero where it is absent.
type Surveyed struct {
	Link
	Wanted  string // what asks for it: a name or a pattern; "" for a slave that isn't wanted
	WPAConf string // see [Member]
	Pending string // why it isn't in the bond; "" where it is or can be
	// Over are the routes over it that somebody added, in words.
	Over []string
}

// Survey reads what there is of a bond. It changes nothing, and needs no privilege.
func (h *Host) Survey(c Config) (Survey, error) {
	s, err := h.observe(c.Name, c.Members)
	if err != nil {
		return Survey{}, err
	}
	return s.survey(c, machineID()), nil
}

func (s *State) survey(c Config, machineID string) Survey {
	var v Survey
	for _, m := range s.expand(c) {
		v.Members = append(v.Members, s.surveyed(m.link, Surveyed{Wanted: m.String(), WPAConf: m.WPAConf, Pending: m.pending}))
	}
	for _, l := range s.Links {
		switch {
		case slices.ContainsFunc(v.Members, func(m Surveyed) bool { return m.Name == l.Name }):
		case l.Master == s.Name && s.Bond != nil:
			v.Members = append(v.Members, s.surveyed(l, Surveyed{}))
		default:
			v.Others = append(v.Others, l)
		}
	}
	if s.Bond != nil {
		v.Options = s.Bond.Options
	}
	if s.Bond == nil || s.inUse() == "" { // an up sets all of them
		if w, err := newWanted(c, *s, machineID); err == nil {
			v.Options = w.options
		}
	}
	return v
}

// surveyed adds a member's link, and what goes over it.
func (s *State) surveyed(l Link, m Surveyed) Surveyed {
	m.Link = l
	for _, r := range s.routes {
		// Every link has a route to multicast groups, which takes no other traffic.
		if l.Index != 0 && slices.Equal(r.Links(), []int{l.Index}) && !r.Destination.Addr().IsMulticast() {
			m.Over = append(m.Over, r.String())
		}
	}
	return m
}
