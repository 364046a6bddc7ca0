package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/bondctl/bondctl/bond/doctor"
)

// printReport prints a line where all is right, and else a block for each finding.
func printReport(w io.Writer, r doctor.Report) error {
	var b strings.Builder
	fmt.Fprintln(&b, reportLine(r))
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "\n%s: %s\n", f.Check, f.Severity)
		printField(&b, "seen", f.Seen)
		printField(&b, "why", f.Why)
		printField(&b, "mend", f.Mend)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// reportLine sums a report up.
func reportLine(r doctor.Report) string {
	var line string
	count := map[doctor.Severity]int{}
	for _, f := range r.Findings {
		count[f.Severity]++
	}
	switch fails, warns := count[doctor.Fails], count[doctor.Warns]; {
	case fails > 0 && warns > 0:
		line = fmt.Sprintf("%s and %s", counted(fails, "fails", "fail"), counted(warns, "warns", "warn"))
	case fails > 0:
		line = counted(fails, "fails", "fail")
	case warns > 0:
		line = counted(warns, "warns", "warn")
	default:
		line = "ok"
	}
	line = fmt.Sprintf("%s: %s, %d checks", printable(r.Bond), line, len(r.Checks))
	if notes := count[doctor.Notes]; notes > 0 {
		line += ", with " + counted(notes, "note", "notes")
	}
	if r.Examined == doctor.ExaminedMachine {
		line += ", of the machine alone, for nothing says what the bond is to be"
	}
	var unseen []string
	for _, u := range r.Unknown {
		unseen = append(unseen, fmt.Sprintf("%s (%s)", u.Check, printable(u.Why)))
	}
	if unseen != nil {
		line += "; not all was seen of " + strings.Join(unseen, ", ")
	}
	return line
}

// counted is such as "1 warns" and "2 warn", or "1 note" and "2 notes".
func counted(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// fieldWidth is that of the words in front of a block's texts.
const fieldWidth = len("  seen  ")

// printField prints a text, which it wraps. What mends may be commands, which somebody copies:
// their lines are left in one piece.
func printField(w io.Writer, name, text string) {
	head := "  " + name
	lines := strings.Split(text, "\n")
	if name != "mend" {
		lines = wrap(printable(text), plainWidth-fieldWidth)
	}
	for _, line := range lines {
		fmt.Fprintf(w, "%-*s%s\n", fieldWidth, head, printable(line))
		head = ""
	}
}
