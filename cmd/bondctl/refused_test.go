package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/bond"
)

// A refusal is a command line that can't be meant, or a configuration file.
type refusal struct {
	name string
	args []string
	file string // what --config is to read
	want string // of stderr
}

// refusals reads a transcript of what is refused:
//
//	$$ up testbond0        what the command lines below begin with
//	$ --mtu "9 k" # name   one of them; what is in double quotes is Go's
//	| mtu = 9              a line of its configuration file
//	\| mtu = \"\x00\"      one with Go's escapes
//	--mtu: ...             a line of what the program says of it
//	hint: ...              what it says can be done
//
// The words in braces are said at many places.
func refusals(t *testing.T, transcript string) (list []refusal) {
	var begin []string
	for line := range strings.Lines(said.Replace(transcript)) {
		line = strings.TrimSuffix(line, "\n")
		mark, rest, _ := strings.Cut(line, " ")
		switch mark {
		case "", "#":
		case "$$":
			begin = arguments(t, rest)
		case "$":
			args, name, _ := strings.Cut(" "+rest, " # ")
			list = append(list, refusal{name: name, args: slices.Concat(begin, arguments(t, args))})
		default:
			list[len(list)-1].add(t, mark, line)
		}
	}
	return list
}

// add takes a line of what stands below a command line.
func (r *refusal) add(t *testing.T, mark, line string) {
	t.Helper()
	rest := strings.TrimPrefix(strings.TrimPrefix(line, mark), " ")
	switch mark {
	case "|":
		r.file += rest + "\n"
	case `\|`:
		r.file += unquote(t, `"`+rest+`"`) + "\n"
	case "hint:":
		r.want += "bondctl: " + line + "\n"
	default:
		r.want += "bondctl: error: " + line + "\n"
	}
}

// said has what the program says in many places.
var said = strings.NewReplacer(
	"{verbs}", verbs(newApp(nil, nil)),
	"{keys}", keysOf(""),
	"{keys of member}", keysOf("member."),
	"{keys of ipv4}", keysOf("ipv4."),
	"{not a time}", " is not a time from 0 to 2147483647 ms; write a duration such as 100ms or 4s, or a number of milliseconds",
	"{not 32 bits}", " is not a whole number from -2147483648 to 2147483647",
)

// keysOf lists the keys of a table, and the tables in it.
func keysOf(table string) string {
	var names []string
	for _, k := range bond.Keys() {
		if name, in := strings.CutPrefix(k.Name, table); in {
			name, _, _ = strings.Cut(name, ".")
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", ")
}

var argument = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|\S+`)

// arguments takes a command line apart.
func arguments(t *testing.T, line string) []string {
	list := argument.FindAllString(line, -1)
	for i, w := range list {
		if strings.HasPrefix(w, `"`) {
			list[i] = unquote(t, w)
		}
	}
	return list
}

func unquote(t *testing.T, text string) string {
	t.Helper()
	text, err := strconv.Unquote(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return text
}

// TestRefused has what can't be meant refused with status 2 and just its
// message. An up is a dry run, and its interfaces don't exist: one that is let
// pass by mistake changes nothing.
func TestRefused(t *testing.T) {
	transcripts, err := filepath.Glob("testdata/refused/*.txt")
	if err != nil || transcripts == nil {
		t.Fatal("no transcripts", err)
	}
	for _, path := range transcripts {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			for _, r := range refusals(t, string(text)) {
				t.Run(r.name, r.test)
			}
		})
	}
}

func (r refusal) test(t *testing.T) {
	folder := t.TempDir() + string(filepath.Separator)
	if r.file != "" {
		if err := os.WriteFile(folder+"bond0.toml", []byte(strings.TrimSuffix(r.file, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
		r.args = append(r.args, "--config", folder+"bond0.toml")
	}
	var stdout, stderr bytes.Buffer
	if status := run(t.Context(), r.args, &stdout, &stderr); status != exitUsage {
		t.Errorf("exit status %d, want %d", status, exitUsage)
	}
	if stdout.Len() > 0 {
		t.Errorf("stdout: %q, want nothing", stdout.String())
	}
	if diff := cmp.Diff(r.want, strings.ReplaceAll(stderr.String(), folder, "")); diff != "" {
		t.Errorf("stderr (-want +got):\n%s", diff)
	}
}
