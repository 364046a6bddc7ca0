package resolve

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// usualPath is where system administration programs are.
const usualPath = "/usr/sbin:/usr/bin:/sbin:/bin"

// programPatience is how long resolvconf may take: it restarts what needs to know.
const programPatience = 30 * time.Second

// resolvconf is the program resolvconf as a holder: Debian's, or openresolv.
type resolvconf struct{ program string }

// resolvconf finds the program; "" if there is none. A link to resolvectl is none:
// it talks to resolved, which isn't there, or it had been asked itself.
func (r *Resolver) resolvconf() string {
	for _, dir := range filepath.SplitList(cmp.Or(r.Path, usualPath)) {
		program := filepath.Join(dir, "resolvconf")
		info, err := os.Stat(program)
		if err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
			continue
		}
		target, err := filepath.EvalSymlinks(program)
		if name := filepath.Base(target); err == nil && name != "resolvectl" && name != "systemd-resolve" {
			return program
		}
	}
	return ""
}

// recordName is the name of a bond's record, INTERFACE.PROGRAM as is the custom.
func recordName(bond string) string { return bond + ".bondctl" }

// give has the program add the bond's record. It compares it with the one that it
// has, and does nothing if that is the same.
func (p resolvconf) give(ctx context.Context, rec *record, bond string, s Settings) (Outcome, error) {
	if err := rec.mark(bond, Resolvconf); err != nil {
		return Outcome{}, err
	}
	_, said, err := p.run(ctx, lines(s), "-a", recordName(bond))
	if err != nil {
		return Outcome{}, err
	}
	o := Outcome{Holder: Resolvconf}
	if said != "" {
		// Debian's says so if nobody reads what it writes.
		o.Notes = []string{fmt.Sprintf("resolvconf says %q", said)}
	}
	return o, nil
}

// takeBack has the program delete the bond's record. To openresolv one that isn't
// there is an error, and Debian's doesn't know the flag that makes it none.
func (p resolvconf) takeBack(ctx context.Context, _ *record, bond string) error {
	if p.program == "" {
		return nil
	}
	_, _, err := p.run(ctx, "", "-d", recordName(bond))
	if err == nil {
		return nil
	}
	if list, _, _ := p.run(ctx, "", "-i"); slices.Contains(strings.Fields(list), recordName(bond)) {
		return err
	}
	return ctx.Err()
}

// run runs the program, with nothing of this process's environment, and returns
// what it writes and what it complains of.
func (p resolvconf) run(ctx context.Context, stdin string, args ...string) (stdout, stderr string, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, programPatience,
		fmt.Errorf("no end within %v", programPatience))
	defer cancel()
	cmd := exec.CommandContext(ctx, p.program, args...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + usualPath, "LC_ALL=C"}
	cmd.Stdin = strings.NewReader(stdin)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	// It is a shell script: the processes that it waits for are to end with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	// A daemon that it restarts may hold its output open for good.
	cmd.WaitDelay = time.Second
	err = cmd.Run()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil
	}
	said := strings.TrimSpace(complaint.String())
	if err != nil {
		err = fmt.Errorf("%s %s: %w", p.program, strings.Join(args, " "), cmp.Or(context.Cause(ctx), err))
		if said != "" {
			err = fmt.Errorf("%w: %q", err, said)
		}
	}
	return out.String(), said, err
}
