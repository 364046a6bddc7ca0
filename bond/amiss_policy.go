package bond

// missingPolicy tells of routes that wait, and of routes and rules that somebody has
// taken away.
func (s *State) missingPolicy(r record, say func(format string, args ...any)) {
	if s.bridge() != "" {
		return
	}
	c := *r.Config
	bond, _ := s.link(s.Name)
	waits := s.waits(c, c.Addresses)
	for i := range c.Routes {
		route := c.route(c.Routes[i])
		_, refused := r.Refused[about(addRoute{s.Name, route})]
		switch {
		case refused || s.hasRoute(bond.Index, route):
		case waits[i] != "":
			say("the %s waits for %s", route, waits[i])
		default:
			say("the %s is missing", route)
		}
	}
	for _, rule := range c.rules(s.no6) {
		if _, refused := r.Refused[about(addRule{s.Name, rule})]; !refused && !s.serveRule(rule) {
			say("the %s is missing", rule)
		}
	}
}

// otherIPv6 tells of settings by which the bond has more of IPv6 than is wanted.
func (s *State) otherIPv6(c Config, say func(format string, args ...any)) {
	want := settings6(c.Method6)
	for _, key := range []string{acceptRA, disableIPv6} {
		to, wanted := want[key]
		switch has := s.ipv6[key].has; {
		case !wanted || has == to || s.no6:
		case has == "":
			say("ipv6.method %s doesn't hold, for net.ipv6.conf.%s.%s can't be set", c.Method6, s.Name, key)
		default:
			say("net.ipv6.conf.%s.%s is %s, and not %s for ipv6.method %s", s.Name, key, has, to, c.Method6)
		}
	}
}

// readRules reads the rules where somebody wants to know which there are.
func (h *Host) readRules(s *State, c *Config) (err error) {
	if c != nil && c.Rules != nil && s.rules == nil {
		s.rules, err = h.kernel.Rules()
	}
	return err
}
