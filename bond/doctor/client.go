package doctor

import (
	"fmt"

	"github.com/bondctl/bondctl/bond/owner"
)

// A Client is a DHCP client that holds a member.
type Client struct {
	Program   string
	PID       int
	Interface string
	Unit      string // the systemd unit that it is of; "" for none
	Obstacle  string // why an up can't take the member over from it; "" where it can
}

// checkDHCPClient tells of DHCP clients on members. An up stops those of members that aren't in
// the bond yet, if it can.
func checkDHCPClient(f *Facts) (found []Finding) {
	for _, c := range f.Clients {
		m, _ := f.member(c.Interface)
		switch {
		case m.Enslaved:
			finding := Finding{Severity: Warns,
				Seen: fmt.Sprintf("%s (process %d) runs on %s, which is in the bond", c.Program, c.PID, c.Interface),
				Why:  "one day it takes the address off that the bond lives by, or gives it back to its server",
				Mend: fmt.Sprintf("kill -9 %d ends it without giving anything back", c.PID)}
			if c.Unit != "" {
				finding.Mend = fmt.Sprintf("have %s leave %s alone, or it starts again; %s", c.Unit, c.Interface, finding.Mend)
			}
			found = append(found, about(c.Interface, finding))
		case c.Obstacle != "":
			found = append(found, about(c.Interface, Finding{Severity: Fails, Seen: c.Obstacle,
				Why:  "an up stops there, for nobody could give the client its interface back",
				Mend: fmt.Sprintf("have %s leave %s alone, or leave the member out for now", c.Program, c.Interface)}))
		}
	}
	return found
}

// clients finds DHCP clients.
func (g Gatherer) clients(f *Facts) {
	found, err := owner.Find(f.names())
	f.unknown(err, "dhcp-client")
	for _, c := range found {
		for _, name := range c.Interfaces() {
			f.Clients = append(f.Clients, Client{Program: c.Program, PID: c.PID, Interface: name, Unit: c.Unit(), Obstacle: c.Obstacle()})
		}
	}
}
