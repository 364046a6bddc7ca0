package ifupdown

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// What is read at most, whatever the files say.
const (
	maxFiles = 256
	maxDepth = 16
	maxTotal = 4 << 20 // bytes of all files
)

// Files are how Parse comes by a file's text, and by the names that fit a pattern of
// [filepath.Match], in order.
type Files struct {
	Read func(path string) ([]byte, error)
	Glob func(pattern string) ([]string, error)
}

// Parse reads a file and all that it sources. The error is that of the first file's
// Read; whatever else is amiss is among the Problems. A file that is sourced twice, or
// sources itself, is read once, as by ifup.
func Parse(path string, files Files) (Config, error) {
	p := parser{files: files, seen: map[string]bool{}}
	text, err := files.Read(path)
	if err != nil {
		return Config{}, err
	}
	p.file(path, text, 0)
	return p.config, nil
}

type parser struct {
	files  Files
	config Config
	seen   map[string]bool
	total  int
}

func (p *parser) file(path string, text []byte, depth int) {
	p.seen[filepath.Clean(path)] = true
	p.total += len(text)
	p.config.Files = append(p.config.Files, path)
	open := -1 // the stanza that an option belongs to
	for _, l := range lines(text) {
		word, rest := cutWord(l.text)
		if !isKeyword(word) {
			p.option(path, l, open)
			continue
		}
		s := Stanza{Keyword: word, File: path, First: l.first, Last: l.last}
		if word == "iface" {
			p.iface(&s, l, rest)
		} else {
			s.Names = strings.Fields(rest)
		}
		if len(s.Names) == 0 {
			p.problem(path, l, "it names nothing")
		}
		p.config.Stanzas = append(p.config.Stanzas, s)
		open = -1
		if word == "iface" || word == "mapping" || word == "template" {
			open = len(p.config.Stanzas) - 1
		}
		if word == "source" || isSourceDirectory(word) {
			p.source(path, l, rest, depth, isSourceDirectory(word))
		}
	}
}

func isKeyword(word string) bool {
	return slices.Contains([]string{"iface", "mapping", "auto", "no-auto-down", "no-scripts", "rename", "source", "template"}, word) ||
		strings.HasPrefix(word, "allow-") || isSourceDirectory(word)
}

// isSourceDirectory tells whether a word is source-directory, which ifup takes when
// it is cut short, too.
func isSourceDirectory(word string) bool { return strings.HasPrefix(word, "source-dir") }

func (p *parser) option(path string, l line, open int) {
	if open < 0 {
		p.problem(path, l, "it belongs to no iface")
		return
	}
	s := &p.config.Stanzas[open]
	o := Option{File: path, First: l.first, Last: l.last}
	o.Name, o.Value = cutWord(l.text)
	s.Options = append(s.Options, o)
	s.Last = l.last
}

// iface takes the line of an iface apart: name, family and method, inherits.
func (p *parser) iface(s *Stanza, l line, rest string) {
	words := strings.Fields(rest)
	next := func() (word string) {
		if len(words) > 0 {
			word, words = words[0], words[1:]
		}
		return word
	}
	if name := next(); name != "" {
		s.Names = []string{name}
	}
	if len(words) > 0 && words[0] != "inherits" {
		s.Family = next()
	}
	if len(words) > 0 && words[0] != "inherits" {
		s.Method = next()
	}
	if len(words) > 0 && words[0] == "inherits" {
		next()
		if s.Inherits = next(); s.Inherits == "" {
			p.problem(s.File, l, "inherits names nothing")
		}
	}
	if len(words) > 0 {
		p.problem(s.File, l, fmt.Sprintf("%s has no meaning here", words[0]))
	}
}

// source reads the files that a pattern, or each folder that fits it, has.
func (p *parser) source(path string, l line, pattern string, depth int, folders bool) {
	if pattern == "" {
		return
	}
	for _, one := range strings.Fields(pattern) {
		if !filepath.IsAbs(one) {
			one = filepath.Join(filepath.Dir(path), one)
		}
		paths, err := p.files.Glob(one)
		if err != nil {
			p.problem(path, l, err.Error())
			continue
		}
		if folders {
			paths = p.inFolders(path, l, paths)
		}
		for _, found := range paths {
			p.sourced(path, l, found, depth+1)
		}
	}
}

// inFolders are the files of some folders whose names run-parts(8) takes.
func (p *parser) inFolders(path string, l line, folders []string) (list []string) {
	for _, folder := range folders {
		paths, err := p.files.Glob(filepath.Join(quote(folder), "*"))
		if err != nil {
			p.problem(path, l, err.Error())
			continue
		}
		for _, found := range paths {
			if !strings.ContainsFunc(filepath.Base(found), isNoRunPart) {
				list = append(list, found)
			}
		}
	}
	return list
}

// quote has a path fit itself alone when it is taken as a pattern.
func quote(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

func isNoRunPart(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-'
}

func (p *parser) sourced(from string, l line, path string, depth int) {
	if p.seen[filepath.Clean(path)] {
		return
	}
	if len(p.config.Files) >= maxFiles || depth > maxDepth {
		p.problem(from, l, fmt.Sprintf("%s isn't read: too many files source each other", path))
		return
	}
	text, err := p.files.Read(path)
	switch {
	case err != nil:
		p.problem(from, l, err.Error())
	case p.total+len(text) > maxTotal:
		p.problem(from, l, fmt.Sprintf("%s isn't read: the files are too long together", path))
	default:
		p.file(path, text, depth)
	}
}

// maxProblems bounds what is said of a file that is something else altogether.
const maxProblems = 1000

func (p *parser) problem(path string, l line, reason string) {
	if len(p.config.Problems) < maxProblems {
		p.config.Problems = append(p.config.Problems, Problem{File: path, Line: l.first, Text: l.text, Reason: reason})
	}
}
