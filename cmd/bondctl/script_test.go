package main

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"bondctl": main})
}

// TestScripts has the program's manner, as far as it shows on a machine without
// a bond and without privilege: what goes where, and what stays silent.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
		Condition: func(condition string) (bool, error) {
			if condition != "nobonds" {
				return false, errors.New("unknown condition " + condition)
			}
			masters, err := os.ReadFile("/sys/class/net/bonding_masters")
			return err != nil || strings.TrimSpace(string(masters)) == "", nil
		},
	})
}

// exits runs a program that must exit with a status: exits 2 bondctl nonsense.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](ts.Exec(args[1], args[2:]...)); ok {
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}
