// Package importer reads what other tools have about bonds as bondctl's own configuration.
//
// Each format has a reader. It turns files into links: a bond or another interface, its
// settings by bondctl's keys, and the place that each was written in. One place makes a
// configuration of these, [Import]: it takes each setting that bondctl would accept, and
// tells of every line that it couldn't carry over, with the reason.
//
// It is pure but for how files are read, which the caller gives. Nothing that a file names
// is run.
package importer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/ifupdown"
)

// Files are how files are read and found; [ifupdown.OnDisk] reads this machine's.
type Files = ifupdown.Files

// A Request says which configuration is wanted.
type Request struct {
	Name string // the bond's; "" where the files have one bond
	// Strategy is what to make of several links that have addresses of their own, and no
	// bond: routes or bond; "" is routes.
	Strategy string
}

// A Result is a bond's configuration, and what is to be said of it.
type Result struct {
	Name   string
	Files  []string // that were read
	Config bond.Config
	TOML   []byte   // what the file says, without the remarks
	Left   []Remark // lines that couldn't be carried over
	Notes  []Remark // what else is to be known
	Off    []string // how to switch the old configuration off, a sentence each
}

// A Remark is about lines of a file.
type Remark struct {
	File        string // "" where it is about no line
	First, Last int
	Text        string // what is written there, without secrets
	Reason      string // may have several lines
}

// String is the remark as a message: place, text and reason.
func (r Remark) String() string {
	var parts []string
	if r.File != "" {
		parts = append(parts, r.at())
	}
	if r.Text != "" {
		parts = append(parts, r.Text)
	}
	return strings.Join(append(parts, r.Reason), ": ")
}

func (r Remark) at() string {
	switch {
	case r.First == 0:
		return r.File
	case r.Last > r.First:
		return fmt.Sprintf("%s:%d-%d", r.File, r.First, r.Last)
	}
	return fmt.Sprintf("%s:%d", r.File, r.First)
}

// An Error says why nothing can be imported.
type Error struct {
	Where  string // a file, perhaps with a line
	Reason string
}

func (e *Error) Error() string {
	if e.Where == "" {
		return e.Reason
	}
	return e.Where + ": " + e.Reason
}

// Import reads a file, or all that a folder has of one format, and makes the configuration
// of a bond in it. The error is an [*Error], or that of reading.
func Import(path string, files Files, r Request) (Result, error) {
	found, err := read(path, files)
	if err != nil {
		return Result{}, err
	}
	return found.choose(path, r)
}

// choose picks the bond that is asked for.
func (f *found) choose(path string, r Request) (Result, error) {
	bonds := f.bonds()
	var names []string
	for _, b := range bonds {
		names = append(names, b.name)
	}
	switch {
	case len(bonds) == 0:
		return f.withoutBond(path, r)
	case r.Strategy != "":
		return Result{}, &Error{path, "it has a bond, and a strategy is asked for; that is for several interfaces without one"}
	case r.Name == "" && len(bonds) == 1:
		return f.bond(bonds[0])
	case r.Name == "":
		return Result{}, &Error{path, fmt.Sprintf("there are several bonds: %s; name the one that is meant", strings.Join(names, ", "))}
	}
	if i := slices.Index(names, r.Name); i >= 0 {
		return f.bond(bonds[i])
	}
	return Result{}, &Error{path, fmt.Sprintf("it has no bond called %s; there is %s", r.Name, strings.Join(names, ", "))}
}
