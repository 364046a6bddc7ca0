package supplicant

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/statefile"
)

// have returns the process that runs as is wanted: one that was found, or else
// a new one. All others that were started in Dir are ended.
func (r *runner) have(ctx context.Context) (p *process, adopted bool, err error) {
	if err := r.prepare(); err != nil {
		return nil, false, err
	}
	found, err := ours(r.Dir)
	if err != nil {
		return nil, false, err
	}
	for _, p := range found {
		if len(found) == 1 && r.suits(ctx, p) {
			return p, true, nil
		}
		err = errors.Join(err, p.replace(ctx))
		p.Close()
	}
	if err != nil {
		return nil, false, err
	}
	p, err = r.start(ctx)
	return p, false, err
}

// suits says whether a process was started as this one would be, and answers.
func (s *Supplicant) suits(ctx context.Context, p *process) bool {
	return slices.Equal(p.args[1:], s.args()) && answers(ctx, control(s.Dir), p.pid)
}

// args are wpa_supplicant's arguments. The last ones are what it is known by.
func (s *Supplicant) args() []string {
	driver := "nl80211,wext"
	if s.Wired {
		driver = "wired"
	}
	return []string{"-B", "-D", driver, "-i", s.Interface, "-c", s.Config, "-g", control(s.Dir)}
}

// longestPath is what fits into a unixgram address beside its final zero.
const longestPath = 107

// prepare makes the folder, for root's eyes only: whoever can write to the
// control socket can read the passphrase.
func (s *Supplicant) prepare() error {
	if !filepath.IsAbs(s.Dir) || !filepath.IsAbs(s.Config) {
		return fmt.Errorf("%q and %q must be absolute", s.Dir, s.Config)
	}
	if len(s.Dir)+len("/monitor.4194304") > longestPath {
		return fmt.Errorf("%s is too long for sockets", s.Dir)
	}
	if err := os.Mkdir(s.Dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(s.Dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s isn't a folder", s.Dir)
	}
	return os.Chmod(s.Dir, 0o700)
}

// digest is of what the configuration says now.
func (s *Supplicant) digest() (string, error) {
	text, err := os.ReadFile(s.Config)
	if err != nil {
		return "", fmt.Errorf("read the configuration: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// digestFile records what the configuration said when it was last handed over.
// It is written before that, so at worst a crash has it handed over once more.
const digestFile = "config.sha256"

func (s *Supplicant) recorded() string {
	text, _ := os.ReadFile(filepath.Join(s.Dir, digestFile))
	return string(text)
}

func (s *Supplicant) record(digest string) error {
	path := filepath.Join(s.Dir, digestFile)
	return statefile.Write(path, []byte(digest), statefile.Attributes{Mode: 0o600})
}

// Changed tells whether the configuration is another one than was last handed
// over, or can't be read: a Run that is begun anew would say so or use it.
func (s *Supplicant) Changed() bool {
	digest, err := s.digest()
	return err != nil || digest != s.recorded()
}

// start starts a new process and waits until it has gone to the background.
func (r *runner) start(ctx context.Context) (*process, error) {
	digest, err := r.digest()
	if err != nil {
		return nil, err
	}
	program, err := r.program()
	if err != nil {
		return nil, err
	}
	if err := r.free(ctx); err != nil {
		return nil, err
	}
	if err := r.record(digest); err != nil {
		return nil, err
	}
	if err := r.launch(ctx, program); err != nil {
		return nil, err
	}
	found, err := ours(r.Dir)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, errors.New("wpa_supplicant ended as soon as it ran")
	}
	for _, p := range found[1:] {
		p.Close() // the next look deals with it
	}
	return found[0], nil
}

// programPath is where the program is looked for, and all of its environment.
var programPath = []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}

// program finds wpa_supplicant.
func (s *Supplicant) program() (string, error) {
	path := s.path
	if path == nil {
		path = programPath
	}
	for _, dir := range path {
		file := filepath.Join(dir, "wpa_supplicant")
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && unix.Access(file, unix.X_OK) == nil {
			return file, nil
		}
	}
	return "", fmt.Errorf("wpa_supplicant isn't installed: it isn't in %s", strings.Join(path, ", "))
}

// Installed returns an error where there is no wpa_supplicant on this machine.
func Installed() error {
	_, err := (&Supplicant{}).program()
	return err
}

// output keeps the beginning of what is written to it.
type output struct{ bytes.Buffer }

const mostOutput = 64 << 10

func (o *output) Write(b []byte) (int, error) {
	o.Buffer.Write(b[:min(len(b), mostOutput-o.Len())])
	return len(b), nil
}
