package netnstest

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"syscall"
)

// Cmd is an exec.Cmd that runs in a namespace. Its methods that start the process are those of
// exec.Cmd, on a thread inside.
type Cmd struct {
	*exec.Cmd
	n          *Namespace
	supervisor *Supervisor
}

// Command prepares a program that runs in the namespace.
func (n *Namespace) Command(name string, args ...string) *Cmd {
	return &Cmd{Cmd: exec.Command(name, args...), n: n}
}

// Start starts the program. See exec.Cmd.
func (c *Cmd) Start() (err error) {
	Warm(c.Path)
	start := c.Cmd.Start
	if c.supervisor != nil {
		start = func() error { return c.supervisor.start(c.Cmd) }
	}
	c.n.Do(func() { err = start() })
	return err
}

// Run runs the program. See exec.Cmd.
func (c *Cmd) Run() error {
	if err := c.Start(); err != nil {
		return err
	}
	return c.Wait()
}

// Output runs the program and returns its standard output. See exec.Cmd.
func (c *Cmd) Output() ([]byte, error) {
	var out, stderr bytes.Buffer
	c.Stdout = &out
	capture := c.Stderr == nil
	if capture {
		c.Stderr = &stderr
	}
	err := c.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && capture {
		exit.Stderr = stderr.Bytes()
	}
	return out.Bytes(), err
}

// CombinedOutput runs the program and returns its standard output and error. See exec.Cmd.
func (c *Cmd) CombinedOutput() ([]byte, error) {
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	err := c.Run()
	return out.Bytes(), err
}

// Run runs a program in the namespace and returns its standard output. If it can't be run or
// doesn't exit with 0, the test fails with what it wrote to standard error.
func (n *Namespace) Run(name string, args ...string) string {
	n.t.Helper()
	out, err := n.run(name, args...)
	if err != nil {
		n.t.Fatalf("%v", err)
	}
	return out
}

// run is Run for those who handle the error themselves.
func (n *Namespace) run(name string, args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd := n.Command(name, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("in %s: %s: %w\n%s%s", n.name, strings.Join(cmd.Args, " "), err, &stdout, &stderr)
	}
	return stdout.String(), nil
}

// Process is a program in the background, see [Namespace.Start].
type Process struct {
	cmd  *Cmd
	done chan struct{}
	err  error

	mu  sync.Mutex
	out bytes.Buffer
}

// Start starts a program in the namespace, with all that it starts in turn a process group of its
// own. It is stopped when the test ends; if that failed, what the program wrote is logged.
func (n *Namespace) Start(name string, args ...string) *Process {
	n.t.Helper()
	return n.Command(name, args...).Background()
}

// Background starts the program as [Namespace.Start] does.
func (c *Cmd) Background() *Process {
	n := c.n
	n.t.Helper()
	p := &Process{cmd: c, done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p, p
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		n.t.Fatalf("in %s: start %s: %v", n.name, c.Path, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	n.t.Cleanup(func() {
		p.Stop()
		if n.t.Failed() {
			n.t.Logf("in %s: %s wrote:\n%s", n.name, strings.Join(p.cmd.Args, " "), p.Output())
		}
	})
	return p
}

// Write takes what the program writes.
func (p *Process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(b)
}

// Output is what the program has written so far, to standard output and error.
func (p *Process) Output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

// PID is its process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Signal sends a signal to the program.
func (p *Process) Signal(sig syscall.Signal) error { return p.cmd.Process.Signal(sig) }

// Done is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait waits for the program to end and returns what exec.Cmd.Wait does.
func (p *Process) Wait() error {
	<-p.done
	return p.err
}

// Stop kills the program and what it has started, and waits for its end. There is no harm in
// stopping it twice.
func (p *Process) Stop() {
	select {
	case <-p.done:
	default:
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.done
	}
}
