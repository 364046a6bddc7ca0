// Package keyfile reads files of GLib's key file format, in which NetworkManager
// has its connections and iwd, with small differences, its networks:
//
//	[wifi]
//	ssid=79;102;102;105;99;101;
//	# a comment has a line of its own
//	[ipv4]
//	dns=192.0.2.1;192.0.2.2;
//
// What was written is all there, in its order and with its line: groups that are
// written twice, keys that are written twice, and what follows a "#" or ";" within
// a line, which is no comment here. [File.Group] reads as GLib does: groups of one
// name are one, and the last value of a key holds.
//
// It has a parser of its own since gopkg.in/ini.v1 knows no line numbers, and trims
// and unquotes values, which a passphrase that ends with a space doesn't survive.
//
// Nothing here opens a file: who may have written it is for the caller to judge.
package keyfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Largest is how many bytes a file may have.
const Largest = 1 << 20

// ErrTooLarge is returned for a file of more than [Largest] bytes.
var ErrTooLarge = errors.New("the file is larger than a key file may be")

// SyntaxError says which line is none of a key file. GLib refuses the whole file for it.
type SyntaxError struct {
	Line   int
	Reason string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Reason) }

// File is what a file says.
type File struct {
	Groups []Group
}

// Group is what follows a line "[NAME]".
type Group struct {
	Name    string
	Line    int
	Entries []Entry
	// Embedded says that the name begins with an @, as iwd's "[@pem@NAME]": what follows
	// is a certificate or a key, and none of it is among the entries.
	Embedded bool
}

// Entry is a line "KEY=VALUE". In a key of another language, "KEY[de]", the language is
// part of the key.
type Entry struct {
	Key  string
	Raw  string // as it is written, with its escapes and the blanks at its end
	Line int
}

// Parse reads a file. For the first line that is wrong it returns a *[SyntaxError],
// and no file, as GLib does.
func Parse(r io.Reader) (*File, error) {
	text, err := io.ReadAll(io.LimitReader(r, Largest+1))
	if err != nil {
		return nil, err
	}
	if len(text) > Largest {
		return nil, ErrTooLarge
	}
	f, line := &File{}, 0
	for text := range bytes.Lines(text) {
		line++
		text := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
		if err := f.add(text, line); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// blanks are what GLib takes for white space.
const blanks = " \t\n\v\f\r"

func (f *File) add(text string, line int) error {
	wrong := func(reason string) error { return &SyntaxError{Line: line, Reason: reason} }
	if strings.ContainsRune(text, 0) {
		return wrong("it has a zero byte")
	}
	text = strings.TrimLeft(text, blanks)
	if text == "" || text[0] == '#' {
		return nil
	}
	if text[0] == '[' {
		name, ok := groupName(text)
		if !ok {
			return wrong("a group is written [NAME]")
		}
		f.Groups = append(f.Groups, Group{Name: name, Line: line, Embedded: strings.HasPrefix(name, "@")})
		return nil
	}
	if len(f.Groups) == 0 {
		return wrong("there is no [GROUP] above it")
	}
	group := &f.Groups[len(f.Groups)-1]
	if group.Embedded {
		return nil
	}
	key, value, ok := strings.Cut(text, "=")
	key = strings.TrimRight(key, blanks)
	if !ok || key == "" {
		return wrong("it is neither KEY=VALUE nor a [GROUP] nor a # comment")
	}
	group.Entries = append(group.Entries, Entry{Key: key, Raw: strings.TrimLeft(value, blanks), Line: line})
	return nil
}

func groupName(text string) (name string, ok bool) {
	name, rest, closed := strings.Cut(text[1:], "]")
	if !closed || name == "" || strings.Trim(rest, blanks) != "" {
		return "", false
	}
	control := func(r rune) bool { return r < ' ' || r == 0x7f || r == '[' }
	return name, !strings.ContainsFunc(name, control)
}

// Group returns what all groups of these names say, in the order of the file: a group
// can have an old name and a new one. It is empty if there is none; see [File.Has].
func (f *File) Group(names ...string) Group {
	var all Group
	for _, g := range f.Groups {
		if !slices.Contains(names, g.Name) {
			continue
		}
		if all.Line == 0 {
			all.Name, all.Line, all.Embedded = g.Name, g.Line, g.Embedded
		}
		all.Entries = append(all.Entries, g.Entries...)
	}
	return all
}

// Has says whether there is a group of one of these names.
func (f *File) Has(names ...string) bool { return f.Group(names...).Line != 0 }

// Find returns the last entry of a key, the one that holds.
func (g Group) Find(key string) (Entry, bool) {
	for _, e := range slices.Backward(g.Entries) {
		if e.Key == key {
			return e, true
		}
	}
	return Entry{}, false
}

// Text is the value of a key; "" if there is none.
func (g Group) Text(key string) string {
	e, _ := g.Find(key)
	return e.Text()
}
