package netnstest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// noteInputs completes the test log, from which go test knows what a cached result depends on. The
// guest wrote one as every test does; what it can't know of are the files that were read on this
// side: the sources of the programs, and the environment that chose the lab.
//
// The log's lines are those of the standard library's internal/testlog; go test itself ignores
// files outside of the module.
func (f *testFlags) noteInputs(packages []string) error {
	log, ok := f.files[f.set["test.testlogfile"]]
	if !ok {
		return nil
	}
	if _, err := os.Stat(log); err != nil {
		return nil // no log, no caching
	}
	sources, err := sourceFiles(context.Background(), packages)
	if err != nil {
		return err
	}
	var lines bytes.Buffer
	for _, name := range []string{envMode, envKernel, envAppend, envAccel, envRequired} {
		fmt.Fprintln(&lines, "getenv", name)
	}
	for _, file := range sources {
		fmt.Fprintln(&lines, "open", file)
	}
	w, err := os.OpenFile(log, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer w.Close()
	_, err = w.Write(lines.Bytes())
	return err
}

// sourceFiles lists the files that programs of the module are built from, the module's own ones.
func sourceFiles(ctx context.Context, packages []string) ([]string, error) {
	if len(packages) == 0 {
		return nil, nil
	}
	root, err := moduleRoot(ctx)
	if err != nil {
		return nil, err
	}
	const format = `{{if and .Module .Module.Main}}{{$d := .Dir}}` +
		`{{range .GoFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}{{range .EmbedFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}{{end}}`
	cmd := exec.CommandContext(ctx, "go", append([]string{"list", "-deps", "-f", format}, packages...)...)
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	files := []string{filepath.Join(root, "go.mod"), filepath.Join(root, "go.sum")}
	for line := range strings.Lines(string(out)) {
		if line = strings.TrimSpace(line); line != "" {
			files = append(files, line)
		}
	}
	return files, nil
}
