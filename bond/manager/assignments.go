package manager

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// fileLimit is the most of a file that is read: those of managers have some kilobytes.
const fileLimit = 1 << 20

// readFile reads a file that isn't a link, or too long to be what it should.
func readFile(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, fileLimit+1))
	if err == nil && len(text) > fileLimit {
		err = fmt.Errorf("read %s: it has more than %d bytes", path, fileLimit)
	}
	return text, err
}

// readAssignments reads a file of lines NAME=VALUE.
func readAssignments(path string) (map[string]string, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return parseAssignments(string(text)), nil
}

// parseAssignments reads lines NAME=VALUE, of which a value may be in quotes; the last one of
// a name counts.
func parseAssignments(text string) map[string]string {
	values := map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		name, value, ok := strings.Cut(line, "=")
		if !ok || strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
			continue
		}
		if n := len(value); n > 1 && value[0] == value[n-1] && (value[0] == '"' || value[0] == '\'') {
			value = value[1 : n-1]
		}
		values[name] = value
	}
	return values
}
