package main

import (
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/bondctl/bondctl/bond"
)

// The exit statuses of status --check.
const (
	checkDegraded = 1
	checkDown     = 2 // or configured and missing
	checkFailed   = 3 // everything else, usage included
)

// A verdict is what status --check says of one bond.
type verdict struct {
	line   string // such as "bond0: degraded, eth0 active (the primary): wlan0 is absent"
	short  string // such as "bond0 degraded"
	status exitError
}

// A notShown is what status --check --json prints in the place of a status: of a bond
// that is configured and missing, or of whatever went wrong.
type notShown struct {
	Name  string `json:"name,omitempty"`
	Error string `json:"error"`
}

const missingText = "configured, but there is no such bond"

// check prints a line, or JSON, for a monitoring system. It returns the health of the
// bond, or the worst of all, as an exit status.
func (v view) check() error {
	list, missing, err := v.look()
	if errors.Is(err, bond.ErrNoBond) && v.configured(v.name) {
		list, missing, err = nil, []string{v.name}, nil
	}
	if err != nil {
		return err
	}
	verdicts := verdictsOf(list, missing)
	if v.json {
		err = v.printChecked(list, missing)
	} else {
		_, err = io.WriteString(v.screen, checkLine(verdicts)+"\n")
	}
	if err != nil || len(verdicts) == 0 || verdicts[0].status == 0 {
		return err
	}
	return verdicts[0].status
}

// verdictsOf has the worst one first.
func verdictsOf(list []bond.Status, missing []string) (all []verdict) {
	for _, name := range missing {
		name = printable(name)
		all = append(all, verdict{name + ": " + missingText, name + " missing", checkDown})
	}
	for _, st := range list {
		v := verdict{line: healthLine(st), short: printable(st.Name) + " " + string(st.Health)}
		switch st.Health {
		case bond.HealthDegraded:
			v.status = checkDegraded
		case bond.HealthDown:
			v.status = checkDown
		}
		all = append(all, v)
	}
	slices.SortStableFunc(all, func(a, b verdict) int { return int(b.status - a.status) })
	return all
}

// checkLine says why of the worst one, and how the others fare.
func checkLine(verdicts []verdict) string {
	if len(verdicts) == 0 {
		return "no bonds"
	}
	var others []string
	for _, v := range verdicts[1:] {
		others = append(others, v.short)
	}
	if others == nil {
		return verdicts[0].line
	}
	return verdicts[0].line + "; " + strings.Join(others, ", ")
}

// printChecked prints the statuses as JSON, and what is missing among them.
func (v view) printChecked(list []bond.Status, missing []string) error {
	all := []any{}
	for _, st := range list {
		all = append(all, st)
	}
	for _, name := range missing {
		all = append(all, notShown{Name: name, Error: missingText})
	}
	if v.all {
		return writeJSON(v.screen, all, "  ")
	}
	return writeJSON(v.screen, all[0], "  ")
}

// sayCheckFailed prints why there is nothing to check, for who reads stdout alone.
func sayCheckFailed(w io.Writer, err error, json bool) {
	if _, isStatus := errors.AsType[exitError](err); isStatus || err == nil {
		return
	}
	text := strings.ReplaceAll(errorText(err), "\n", "; ")
	if json {
		_ = writeJSON(w, notShown{Error: text}, "  ")
		return
	}
	_, _ = io.WriteString(w, printable(text)+"\n")
}
