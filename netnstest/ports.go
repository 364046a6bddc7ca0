package netnstest

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// openPort opens the guest's end of a virtio port by its name.
func openPort(name string, flag int) (*os.File, error) {
	files, err := filepath.Glob("/sys/class/virtio-ports/*/name")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if strings.TrimSpace(string(data)) != name {
			continue
		}
		dev := filepath.Join("/dev", filepath.Base(filepath.Dir(file)))
		// Not os.OpenFile, which makes it non-blocking: a blocking write returns when the
		// host has the bytes, and not before.
		fd, err := syscall.Open(dev, flag|syscall.O_CLOEXEC, 0)
		if err != nil {
			return nil, &os.PathError{Op: "open", Path: dev, Err: err}
		}
		return os.NewFile(uintptr(fd), dev), nil
	}
	return nil, fmt.Errorf("no virtio port is named %s", name)
}

// streams are the job's, in the guest.
type streams struct {
	stdin, stdout, stderr, status *os.File
}

// openStreams waits for the ports, for they are announced one by one after their driver is there.
func openStreams() (*streams, error) {
	var s streams
	for _, p := range []struct {
		file **os.File
		name string
		flag int
	}{
		{&s.stdin, portStdin, os.O_RDONLY},
		{&s.stdout, portStdout, os.O_WRONLY},
		{&s.stderr, portStderr, os.O_WRONLY},
		{&s.status, portStatus, os.O_WRONLY},
	} {
		err := poll(time.Minute, func() (err error) {
			*p.file, err = openPort(p.name, p.flag)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return &s, nil
}

// run runs the job and, being pid 1, reaps whatever else ends meanwhile. The job gets pipes and not
// the ports, which can't be opened twice, as a shell does with /dev/stderr.
func (s *streams) run(o order) (int, error) {
	var copied sync.WaitGroup
	var pipes [3]*os.File
	for i, port := range []*os.File{s.stdin, s.stdout, s.stderr} {
		r, w, err := os.Pipe()
		if err != nil {
			return 0, err
		}
		if port == s.stdin {
			pipes[i] = r
			go func() { _, _ = io.Copy(w, port); w.Close() }()
			continue
		}
		pipes[i] = w
		copied.Go(func() { _, _ = io.Copy(port, r) })
	}
	status := notFound
	p, err := startJob(o, pipes[:])
	if err != nil {
		fmt.Fprintln(pipes[2], "netnstest:", err)
	}
	for _, f := range pipes {
		f.Close()
	}
	if err == nil {
		status, err = reapUntil(p.Pid)
		if err != nil {
			return 0, err
		}
	}
	// A process that the job left behind may hold its output open for ever.
	done := make(chan struct{})
	go func() { copied.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(times(2*time.Second, slowness)):
	}
	return status, nil
}

// notFound is the exit status for a job that can't even be started, as of a shell.
const notFound = 127

// startJob starts the job. It is looked for in its own PATH.
func startJob(o order, files []*os.File) (*os.Process, error) {
	for _, e := range o.Env {
		if path, ok := strings.CutPrefix(e, "PATH="); ok {
			if err := os.Setenv("PATH", path); err != nil {
				return nil, err
			}
		}
	}
	file, err := exec.LookPath(o.Args[0])
	if err != nil {
		return nil, err
	}
	return os.StartProcess(file, o.Args, &os.ProcAttr{Dir: o.Dir, Env: o.Env, Files: files})
}

// reapUntil waits for a child and returns its exit status. On the way it reaps all others.
func reapUntil(child int) (int, error) {
	for {
		var ws syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &ws, 0, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return 0, fmt.Errorf("wait: %w", err)
		case pid == child:
			return exitStatus(ws), nil
		}
	}
}

// report tells the host how the job ended.
func (s *streams) report(status int) error {
	_, err := fmt.Fprintln(s.status, status)
	return err
}
