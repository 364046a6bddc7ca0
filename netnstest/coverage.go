package netnstest

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Tests that are run with -cover also count what the programs under test did: those are built with
// coverage too, each of their runs leaves its counters in a folder, and these are added to the
// profile that the tests write. The percentage that the tests print is without them.

const coverFolder = "cover"

// coverArgs are go build's arguments for programs whose runs are counted as the tests are.
func coverArgs() []string {
	mode := testing.CoverMode()
	if mode == "" {
		return nil
	}
	return []string{"-cover", "-covermode=" + mode, "-coverpkg=./..."}
}

// coverEnv is the environment in which such programs run, with its folder in the lab's.
func coverEnv(dir string) ([]string, error) {
	if testing.CoverMode() == "" {
		return nil, nil
	}
	dir = filepath.Join(dir, coverFolder)
	return []string{"GOCOVERDIR=" + dir}, os.MkdirAll(dir, 0o755)
}

// addCoverage adds the programs' counters to the profile that the tests have written, if any. Two
// counts of a block are nothing special in a profile: its readers add them up.
func addCoverage(dir string) error {
	profile := flag.Lookup("test.coverprofile").Value.String()
	if profile == "" || testing.CoverMode() == "" {
		return nil
	}
	if !filepath.IsAbs(profile) {
		profile = filepath.Join(flag.Lookup("test.outputdir").Value.String(), profile)
	}
	dir = filepath.Join(dir, coverFolder)
	if entries, err := os.ReadDir(dir); err != nil || len(entries) == 0 {
		return err
	}
	text := filepath.Join(dir, "profile")
	if out, err := exec.Command("go", "tool", "covdata", "textfmt", "-i="+dir, "-o="+text).CombinedOutput(); err != nil {
		return fmt.Errorf("go tool covdata: %w: %s", err, out)
	}
	data, err := os.ReadFile(text)
	if err != nil {
		return err
	}
	_, blocks, _ := bytes.Cut(data, []byte("\n")) // the first line names the mode
	f, err := os.OpenFile(profile, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.Write(blocks)
	return err
}
