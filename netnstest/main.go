package netnstest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"
)

// Option is something that [Main] shall do.
type Option func(*options)

type options struct {
	programs []string
}

// Programs names packages, as to [Lab.Build], whose programs the tests run. They are built before
// the tests start, in the race detector's build if the tests are. See [Program].
func Programs(packages ...string) Option {
	return func(o *options) { o.programs = append(o.programs, packages...) }
}

// Main runs the tests of a package in the lab and exits. It is to be called from TestMain; the
// package documentation tells what happens then.
func Main(m *testing.M, opts ...Option) {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	RunInit()
	switch mode := os.Getenv(envMode); mode {
	case modeGuest:
		os.Exit(runHere(m))
	case modeNative:
		os.Exit(mainNative(m, o))
	case modeHost:
		os.Exit(mainHost(m, o))
	default:
		complain(fmt.Errorf("%s=%s: want nothing or %s", envMode, mode, modeNative))
		os.Exit(2)
	}
}

// runHere runs the tests in this process.
func runHere(m *testing.M) int {
	tellSlowness(os.Stderr)
	status := m.Run()
	printSlowest(os.Stdout)
	return status
}

// mainHost boots a guest and runs the tests there.
func mainHost(m *testing.M, o options) int {
	flag.Parse()
	if flag.Lookup("test.list").Value.String() != "" {
		return m.Run()
	}
	started := time.Now()
	l, err := Open()
	if errors.Is(err, ErrUnavailable) && !Required() {
		fmt.Fprintf(os.Stderr, "netnstest: SKIP all tests: %v; netnstest/setup installs it\n", err)
		return 0
	}
	if err != nil {
		complain(err)
		return 1
	}
	defer l.Close()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGQUIT)
	defer stop()
	status, err := l.runTests(ctx, o, started)
	if err != nil {
		complain(err)
		return 1
	}
	return status
}

// Required tells whether a lab that can't be had is an error, and not a reason to skip: in CI it is.
func Required() bool {
	return os.Getenv(envRequired) == "1" || os.Getenv("CI") == "true"
}

// Skip skips a test that can't run here, or fails it where every test must: see [Required].
func Skip(t TB, format string, args ...any) {
	t.Helper()
	if Required() {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

func complain(err error) {
	fmt.Fprintln(os.Stderr, "netnstest: error:", err)
}

// runTests builds the programs and runs this test binary in the guest.
func (l *Lab) runTests(ctx context.Context, o options, started time.Time) (int, error) {
	if err := l.Build(ctx, o.programs...); err != nil {
		return 0, err
	}
	f, err := l.shareFlags()
	if err != nil {
		return 0, err
	}
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	env, err := coverEnv(l.dir)
	if err != nil {
		return 0, err
	}
	ctx, cancel := f.bound(ctx, started)
	defer cancel()
	status, err := l.Run(ctx, Job{
		Args:   append([]string{self}, f.args()...),
		Env:    env,
		Stdout: os.Stdout,
		Stderr: os.Stderr,
	})
	if err != nil {
		return 0, err
	}
	if err := f.collect(); err != nil {
		return 0, fmt.Errorf("collect the guest's profiles: %w", err)
	}
	if err := addCoverage(l.dir); err != nil {
		return 0, fmt.Errorf("add the programs' coverage: %w", err)
	}
	return status, f.noteInputs(o.programs)
}

// bound limits the guest's time by -test.timeout. The tests in the guest get less than is left, so that
// it is they who say which of them hangs; the guest gets a little more, and go test, which kills
// without a word, comes last.
func (f *testFlags) bound(ctx context.Context, started time.Time) (context.Context, context.CancelFunc) {
	limit := f.timeout()
	if limit == 0 {
		return context.WithCancel(ctx)
	}
	left := limit - time.Since(started)
	// For booting, which comes before the guest's own clock runs, and longer on a slow machine.
	margin := max(min(time.Minute, left/3), left/10)
	f.set["test.timeout"] = (left - margin).String()
	return context.WithTimeoutCause(ctx, left-margin/4,
		fmt.Errorf("no result within -timeout %v", limit))
}

// args are the flags as the guest is to get them.
func (f *testFlags) args() []string {
	var args []string
	for name, value := range f.set {
		args = append(args, "-"+name+"="+value)
	}
	return append(args, f.rest...)
}
