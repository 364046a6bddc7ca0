package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/keeper"
	"github.com/bondctl/bondctl/bond/resolve"
)

// readyFlag has a keeper, or a guardian, that up started write a line to its descriptor readyFD:
// readyWord when the bond is as wanted, or guarded, or else what is wrong.
const (
	readyFlag = "ready"
	readyFD   = 3
	readyWord = "ready"
)

// leaveKeeper makes sure that the bond has a keeper. One that runs is told to look at
// what is wanted now; otherwise one is started. Where systemd runs it is a service,
// which outlives the login and is started again after a crash.
func leaveKeeper(c *cli.Context, h *bond.Host, name string) error {
	if keeper.PID(h, name) != 0 {
		return keeper.Wake(h, name)
	}
	manager, err := openSystemd(c.Context, h, name)
	if err != nil {
		return startKeeper(c, h, name)
	}
	defer manager.close()
	return manager.start(c.Context)
}

// stopKeeper ends the bond's keeper, whoever started it.
func stopKeeper(c *cli.Context, h *bond.Host, name string) error {
	// systemd would restart a service that just ends.
	if manager, err := openSystemd(c.Context, h, name); err == nil {
		defer manager.close()
		if err := manager.stop(c.Context); err != nil {
			return err
		}
	}
	return keeper.Stop(c.Context, h, name)
}

// handOverNames hands over the name servers of a bond without a keeper, whose work
// that is otherwise.
func handOverNames(c *cli.Context, h *bond.Host, config bond.Config) {
	servers, domains := config.NameServers(nil)
	if !h.InitialNamespace() {
		if len(servers) > 0 {
			warn(c, "the name servers are handed to nobody: this isn't the machine's own network namespace")
		}
		return
	}
	var resolver resolve.Resolver
	if err := resolver.Recover(c.Context); err != nil {
		warn(c, "%v", err)
	}
	outcome, err := resolver.Set(c.Context, config.Name, resolve.Settings{Servers: servers, Domains: domains})
	for _, note := range outcome.Notes {
		warn(c, "%s", note)
	}
	if err != nil {
		warn(c, "%v", err)
	}
}

// dismissKeeper ends the bond's keeper, unless Reconcile will refuse what is wanted.
func dismissKeeper(c *cli.Context, h *bond.Host, config bond.Config) error {
	if keeper.PID(h, config.Name) == 0 {
		return nil
	}
	if _, err := h.Plan(config); err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "end the keeper of %s\n", config.Name)
	return takeDownKeeper(c, h, config.Name)
}

// startApart starts the program anew with a verb that outlives this process, and
// returns its first line, which is readyWord if all is well. Without a line it has ended.
func startApart(c *cli.Context, verb, name string) (cmd *exec.Cmd, line string, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, "", err
	}
	ready, theirs, err := os.Pipe()
	if err != nil {
		return nil, "", err
	}
	defer ready.Close()
	args := []string{verb, "--syslog", "--" + readyFlag, name}
	if c.IsSet("netns") {
		args = append([]string{"--netns", c.String("netns")}, args...)
	}
	cmd = exec.CommandContext(c.Context, self, args...)
	cmd.Cancel = func() error { return nil } // it is to outlive this process
	cmd.Dir = "/"
	cmd.ExtraFiles = []*os.File{theirs}
	// A session of its own: no terminal's hang-up or Ctrl-C reaches it.
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true}
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		return nil, "", err
	}
	defer context.AfterFunc(c.Context, func() { _ = ready.SetReadDeadline(time.Now()) })()
	line, _ = bufio.NewReader(ready).ReadString('\n')
	return cmd, strings.TrimSuffix(line, "\n"), nil
}

// startKeeper starts a keeper that outlives this process.
func startKeeper(c *cli.Context, h *bond.Host, name string) error {
	cmd, word, err := startApart(c, "daemon", name)
	if err != nil {
		return fmt.Errorf("start the keeper of %s: %w", name, err)
	}
	switch {
	case word == readyWord:
		return cmd.Process.Release()
	case c.Context.Err() != nil:
		return errors.Join(c.Context.Err(), cmd.Process.Release())
	case keeper.PID(h, name) == cmd.Process.Pid:
		return fmt.Errorf("keep %s: %s; the keeper goes on trying", name, word)
	}
	_ = cmd.Wait()
	if keeper.PID(h, name) != 0 {
		return keeper.Wake(h, name) // of another up, which was faster
	}
	return fmt.Errorf("start the keeper of %s: %s", name, cmp.Or(word, cmd.ProcessState.String()))
}

// starterPipe leads to the up that started this keeper or guardian; nil where none did.
type starterPipe struct{ *os.File }

func starter(c *cli.Context) starterPipe {
	if !c.Bool(readyFlag) {
		return starterPipe{}
	}
	unix.CloseOnExec(readyFD)
	return starterPipe{os.NewFile(readyFD, readyFlag)}
}

// say writes the line and closes the pipe. What comes later goes to the log.
func (p *starterPipe) say(line string) {
	if p.File == nil {
		return
	}
	line, _, _ = strings.Cut(line, "\n")
	fmt.Fprintln(p.File, line)
	p.close()
}

func (p *starterPipe) close() {
	if p.File != nil {
		p.File.Close()
		p.File = nil
	}
}
