package netnstest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// programFolder is the part of the lab's folder with the programs under test. It is in the
// guest's PATH.
const programFolder = "bin"

// Program is the path of a program that was built for the tests, by the last element of its
// package path; see [Programs]. It panics if there is none.
func Program(name string) string {
	file := filepath.Join(os.Getenv(envDir), programFolder, name)
	if _, err := os.Stat(file); err != nil {
		panic(fmt.Sprintf("netnstest: no program %s; is it among netnstest.Programs? %v", name, err))
	}
	return file
}

// Build builds programs for the guest: statically, as a user would have them, or, in a process
// that the race detector watches, with the race detector. Packages are named as to go build, a
// relative one (./cmd/x) from the folder of the module; flags of go build may come before them.
func (l *Lab) Build(ctx context.Context, packages ...string) error {
	return build(ctx, filepath.Join(l.dir, programFolder), packages...)
}

func build(ctx context.Context, dir string, packages ...string) error {
	if len(packages) == 0 {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := moduleRoot(ctx)
	if err != nil {
		return err
	}
	args := append([]string{"build", "-buildvcs=false", "-o", dir + string(filepath.Separator)}, coverArgs()...)
	cgo := "CGO_ENABLED=0"
	if raceEnabled {
		args = append(args, "-race")
		cgo = "CGO_ENABLED=1" // the race detector's runtime is C
	}
	cmd := exec.CommandContext(ctx, "go", append(args, packages...)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), cgo)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", strings.Join(packages, " "), err, out)
	}
	return nil
}

// moduleRoot is the folder of the module that the working directory belongs to.
func moduleRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	file := strings.TrimSpace(string(out))
	if file == "" || file == os.DevNull {
		return "", fmt.Errorf("the working directory is in no module")
	}
	return filepath.Dir(file), nil
}
