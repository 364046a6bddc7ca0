package statedir

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/statefile"
)

// HistoryLength is how many items of a history are kept.
const HistoryLength = 256

// A History is history.jsonl: the latest items, the oldest first, a line of JSON
// each. Items are appended, and the file is written anew when it has become twice
// as long as it need be.
type History[T any] struct {
	path  string
	lines int // in the file; -1 before it was looked at
}

// HistoryOf is the history of a bond.
func HistoryOf[T any](d Dir) *History[T] { return &History[T]{d.file(historyFile), -1} }

// Read reads the items. It is for everybody, while the keeper writes, too.
func (h *History[T]) Read() ([]T, error) {
	lines, err := h.read()
	lines = lines[max(0, len(lines)-HistoryLength):]
	items := make([]T, len(lines))
	for i, line := range lines {
		if err := json.Unmarshal(line, &items[i]); err != nil {
			return nil, fmt.Errorf("read %s: %w", h.path, err)
		}
	}
	return items, err
}

// read reads the lines that were written as a whole: another one may be about to
// be, or was when a keeper was killed.
func (h *History[T]) read() ([][]byte, error) {
	text, err := os.ReadFile(h.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	return lines[:max(0, len(lines)-1)], err
}

// Append adds items. It is for the keeper alone.
func (h *History[T]) Append(items ...T) error {
	if len(items) == 0 {
		return nil
	}
	var text []byte
	for _, item := range items {
		line, err := json.Marshal(item)
		if err != nil {
			return err
		}
		text = append(append(text, line...), '\n')
	}
	if h.lines < 0 || h.lines+len(items) > 2*HistoryLength {
		return h.rewrite(text)
	}
	if err := h.append(text); err != nil {
		h.lines = -1 // a part of it may be there
		return err
	}
	h.lines += len(items)
	return nil
}

// rewrite writes the file anew, with the latest lines and those that are added, and
// without any that is damaged.
func (h *History[T]) rewrite(added []byte) error {
	lines, err := h.read()
	if err != nil {
		return err
	}
	return h.write(append(lines, bytes.SplitAfter(added, []byte("\n"))...))
}

// write replaces the file.
func (h *History[T]) write(lines [][]byte) error {
	lines = slices.DeleteFunc(lines, func(line []byte) bool { return !json.Valid(line) })
	lines = lines[max(0, len(lines)-HistoryLength):]
	text := bytes.Join(lines, nil)
	if err := statefile.Write(h.path, text, statefile.Attributes{Mode: historyFile.mode()}); err != nil {
		return err
	}
	h.lines = len(lines)
	return nil
}

// Amend changes the last item of which change says so, and says whether there is one. It is for
// the keeper alone.
func (h *History[T]) Amend(change func(*T) bool) (bool, error) {
	lines, err := h.read()
	if err != nil {
		return false, err
	}
	for i, line := range slices.Backward(lines) {
		var item T
		if json.Unmarshal(line, &item) != nil || !change(&item) {
			continue
		}
		amended, err := json.Marshal(item)
		if err != nil {
			return false, err
		}
		lines[i] = append(amended, '\n')
		return true, h.write(lines)
	}
	return false, nil
}

// append needn't reach the disk: the file doesn't outlive the boot.
func (h *History[T]) append(text []byte) error {
	f, err := os.OpenFile(h.path, os.O_APPEND|os.O_WRONLY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}
