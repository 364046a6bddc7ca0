// Package ifupdown reads /etc/network/interfaces as ifup(8) does, and runs nothing that
// is named there.
//
// A file is a row of stanzas. One begins with a keyword such as iface or auto, and ends
// where the next begins. Those of the files that source and source-directory name follow
// the stanza that names them, so that [Config.Stanzas] has them in ifup's order.
//
// [Parse] is pure: it is given how a file is read and how a pattern is resolved.
// [OnDisk] is how programs do that.
package ifupdown

// DefaultFile is where ifup looks.
const DefaultFile = "/etc/network/interfaces"

// A Config is what a file says, with all that it sources.
type Config struct {
	Stanzas  []Stanza
	Files    []string  // that were read, the first one first
	Problems []Problem // what couldn't be understood or read, in the order it was met
}

// A Stanza is a keyword's line and the lines that belong to it.
type Stanza struct {
	Keyword string   // iface, auto, allow-hotplug, mapping, source and so on
	Names   []string // the interface; for auto and the like all of them, for source what it names
	// Of an iface: family and method are empty if it doesn't say (ifupdown2 doesn't
	// ask for them). Inherits is the name of another that has options for it.
	Family, Method, Inherits string

	// The lines from the keyword to its last option, both included, from 1. Comments
	// behind the last option are in none.
	File        string
	First, Last int
	Options     []Option
}

// An Option is a line of an iface or mapping.
type Option struct {
	Name        string // as it is written
	Value       string // the rest, without blanks around it
	File        string
	First, Last int // more than one line where a backslash continues it
}

// A Problem is a place that ifup would refuse, or ignore.
type Problem struct {
	File   string
	Line   int
	Text   string
	Reason string
}
