package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
)

// session is what a test would be for package netnstest.
type session struct {
	failed   bool
	last     string // what was said last
	cleanups []func()
}

// errFailed says that a session failed, and has already said why.
var errFailed = errors.New("the lab failed")

// inLab runs f in a session and cleans up after it. A session that fails ends there and then.
func inLab(f func(*session) error) error {
	s := new(session)
	err := s.run(func() error { return f(s) })
	s.end()
	if s.failed && err == nil {
		return errFailed
	}
	return err
}

// end cleans up. There is no harm in ending a session twice.
func (s *session) end() {
	cleanups := s.cleanups
	s.cleanups = nil
	for _, clean := range slices.Backward(cleanups) {
		_ = s.run(func() error { clean(); return nil })
	}
}

// run calls f in a goroutine of its own, which Fatalf can end.
func (s *session) run(f func() error) error {
	err := errFailed
	done := make(chan struct{})
	go func() {
		defer close(done)
		err = f()
	}()
	<-done
	return err
}

// The methods that netnstest.TB wants.

func (s *session) Helper()          {}
func (s *session) Name() string     { return "bondlab" }
func (s *session) Cleanup(f func()) { s.cleanups = append(s.cleanups, f) }
func (s *session) Failed() bool     { return s.failed }

func (s *session) Logf(format string, args ...any) {
	s.last = fmt.Sprintf(format, args...)
	fmt.Fprintln(os.Stderr, "bondlab: "+s.last)
}

func (s *session) Errorf(format string, args ...any) {
	s.failed = true
	s.Logf(format, args...)
}

func (s *session) Fatalf(format string, args ...any) {
	s.Errorf(format, args...)
	runtime.Goexit()
}

func (s *session) Skipf(format string, args ...any) { s.Fatalf(format, args...) }
