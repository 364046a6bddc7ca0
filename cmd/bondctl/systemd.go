package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/mdlayher/sdnotify"
	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond"
)

// systemd is what runs the services here, as org.freedesktop.systemd1(5)
// describes it, and the unit of one bond's keeper.
type systemd struct {
	manager dbus.BusObject
	close   func()
	signals chan *dbus.Signal // of jobs that are done
	unit    string
}

var errNoSystemd = errors.New("systemd isn't the init of this system")

// hasSystemd says whether systemd is the init (sd_booted(3)).
func hasSystemd() bool {
	_, err := os.Lstat("/run/systemd/system")
	return err == nil
}

// openSystemd connects to systemd for a bond's service. The error says why the bond
// can have none here.
func openSystemd(ctx context.Context, h *bond.Host, name string) (*systemd, error) {
	unit := template + name + service
	switch {
	case !hasSystemd():
		return nil, errNoSystemd
	case !isInstance(name):
		return nil, fmt.Errorf("systemd can have no unit called %q", unit)
	case !h.InitialNamespace():
		return nil, errors.New("this isn't the network namespace of the system's services")
	}
	s, err := dialSystemd(ctx)
	if err != nil {
		return nil, err
	}
	s.unit = unit
	return s, nil
}

// dialTime bounds the time to connect, which on a bus that answers is some
// milliseconds.
const dialTime = 10 * time.Second

// dialSystemd connects to systemd.
func dialSystemd(ctx context.Context) (*systemd, error) {
	if !hasSystemd() {
		return nil, errNoSystemd
	}
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("change services: %w", unix.EPERM)
	}
	// A connection ends with its context, which ends when connecting takes too long,
	// or at close.
	ctx, cancel := context.WithCancel(ctx)
	limit := time.AfterFunc(dialTime, cancel)
	defer limit.Stop()
	conn, err := dbus.ConnectSystemBus(dbus.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, fmt.Errorf("connect to the system bus: %w", err)
	}
	s := &systemd{
		manager: conn.Object("org.freedesktop.systemd1", "/org/freedesktop/systemd1"),
		close:   func() { cancel(); conn.Close() },
		signals: make(chan *dbus.Signal, 16),
	}
	conn.Signal(s.signals)
	err = conn.AddMatchSignalContext(ctx, dbus.WithMatchInterface(managerInterface), dbus.WithMatchMember("JobRemoved"))
	if err == nil {
		err = s.call(ctx, "Subscribe") // or systemd sends no signals
	}
	if err != nil {
		s.close()
		return nil, fmt.Errorf("follow systemd's jobs: %w", err)
	}
	return s, nil
}

// isInstance says whether a bond's name can be part of a unit's name without escapes
// (systemd.unit(5)), which nobody would type.
func isInstance(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(":-_.@", r)
	})
}

// start starts the keeper, and returns when it is ready. Without a unit template the
// service is forgotten at the next boot.
func (s *systemd) start(ctx context.Context) error {
	err := s.job(ctx, "StartUnit", s.unit, "replace")
	if isNoUnit(err) {
		var properties []property
		if properties, err = transient(s.unit); err == nil {
			err = s.startTransient(ctx, s.unit, properties)
		}
	}
	if err != nil {
		return fmt.Errorf("start %s: %w; journalctl -u %s tells more", s.unit, err, s.unit)
	}
	return nil
}

// startTransient starts a service without a unit file.
func (s *systemd) startTransient(ctx context.Context, unit string, properties []property) error {
	return s.job(ctx, "StartTransientUnit", unit, "replace", properties, []struct {
		Name       string
		Properties []property
	}{})
}

// stop ends the keeper, and systemd doesn't restart it. It is no error where there is
// no keeper.
func (s *systemd) stop(ctx context.Context) error {
	if err := s.job(ctx, "StopUnit", s.unit, "replace"); err != nil && !isNoUnit(err) {
		return fmt.Errorf("stop %s: %w", s.unit, err)
	}
	return nil
}

// isNoUnit tells that systemd has no unit of that name.
func isNoUnit(err error) bool {
	e, ok := errors.AsType[dbus.Error](err)
	return ok && e.Name == "org.freedesktop.systemd1.NoSuchUnit"
}

// jobTime bounds the time of a job. Here a keeper is quick to start and to end, but
// while the system boots a job may wait for others.
const jobTime = 30 * time.Second

// job calls a method that queues a job, and waits until it is done.
func (s *systemd) job(ctx context.Context, method string, args ...any) error {
	ctx, cancel := context.WithTimeoutCause(ctx, jobTime, fmt.Errorf("not done after %s", jobTime))
	defer cancel()
	var job dbus.ObjectPath
	if err := s.manager.CallWithContext(ctx, managerInterface+"."+method, 0, args...).Store(&job); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case signal, open := <-s.signals:
			if !open {
				return errors.New("the system bus has gone")
			}
			// uint32 id, object path, unit, result
			if len(signal.Body) < 4 || signal.Body[1] != job {
				continue
			}
			if result := signal.Body[3]; result != "done" {
				return fmt.Errorf("its job %v", result)
			}
			return nil
		}
	}
}

const managerInterface = "org.freedesktop.systemd1.Manager"

func (s *systemd) call(ctx context.Context, method string, args ...any) error {
	return s.manager.CallWithContext(ctx, managerInterface+"."+method, 0, args...).Err
}

// stops says whether the machine is going down. It asks systemd at root's own socket
// as well, for the bus may have ended by then.
func stops(ctx context.Context) bool {
	if !hasSystemd() {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := dbus.Dial("unix:path=/run/systemd/private", dbus.WithContext(ctx))
	if err != nil {
		return false
	}
	defer conn.Close()
	if err := conn.Auth([]dbus.Auth{dbus.AuthExternal(strconv.Itoa(os.Geteuid()))}); err != nil {
		return false
	}
	var state string
	manager := conn.Object("org.freedesktop.systemd1", "/org/freedesktop/systemd1")
	err = manager.CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0, managerInterface, "SystemState").Store(&state)
	return err == nil && state == "stopping"
}

// reload has systemd read its unit files.
func (s *systemd) reload(ctx context.Context) error {
	if err := s.call(ctx, "Reload"); err != nil {
		return fmt.Errorf("have systemd read its unit files: %w", err)
	}
	return nil
}

// enable has the keeper start at boot, and says whether that is new.
func (s *systemd) enable(ctx context.Context) (changed bool, err error) {
	var installs bool
	var changes []struct{ Kind, File, Target string }
	err = s.manager.CallWithContext(ctx, managerInterface+".EnableUnitFiles", 0, []string{s.unit}, false, false).Store(&installs, &changes)
	if err == nil && len(changes) > 0 {
		err = s.reload(ctx)
	}
	if err != nil {
		err = fmt.Errorf("enable %s: %w", s.unit, err)
	}
	return len(changes) > 0, err
}

// disable undoes enable.
func (s *systemd) disable(ctx context.Context) error {
	if err := s.call(ctx, "DisableUnitFiles", []string{s.unit}, false); err != nil {
		return fmt.Errorf("disable %s: %w", s.unit, err)
	}
	return s.reload(ctx)
}

// hasTemplate says whether there is a unit template, whoever installed it.
func (s *systemd) hasTemplate(ctx context.Context) bool {
	return s.call(ctx, "GetUnitFileState", template+service) == nil
}

// A property of a unit, as StartTransientUnit takes it.
type property struct {
	Name  string
	Value dbus.Variant
}

// transient is what matters of the unit template, for a service without a unit file.
func transient(unit string) ([]property, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	name := strings.TrimSuffix(strings.TrimPrefix(unit, template), service)
	return propertiesOf(map[string]any{
		"Description":              "Bond " + name,
		"After":                    []string{"network-pre.target", "dbus.service", "systemd-resolved.service"},
		"Before":                   []string{"network.target"}, // when the machine goes down it ends after all that use it
		"Type":                     "notify",
		"ExecStart":                []command{{self, []string{self, "daemon", name}, false}},
		"ExecReload":               []command{{"/bin/kill", []string{"kill", "-HUP", "$MAINPID"}, false}},
		"Restart":                  "on-failure",
		"RestartUSec":              uint64(time.Second.Microseconds()),
		"RestartPreventExitStatus": struct{ Statuses, Signals []int32 }{[]int32{exitUsage}, []int32{}},
		"StartLimitIntervalUSec":   uint64(0),
		"TimeoutStopUSec":          uint64((10 * time.Second).Microseconds()),
		"KillMode":                 "process",
		"CapabilityBoundingSet":    capabilities(),
		"CollectMode":              "inactive-or-failed", // leave the name free
	}), nil
}

// A command of a unit, as ExecStart has it.
type command struct {
	Path    string
	Args    []string
	Ignored bool // whether a failure is
}

func propertiesOf(values map[string]any) (list []property) {
	for name, value := range values {
		list = append(list, property{name, dbus.MakeVariant(value)})
	}
	return list
}

// capabilities are those of the unit template, as a bit mask.
func capabilities() uint64 {
	var mask uint64
	for _, c := range []int{unix.CAP_NET_ADMIN, unix.CAP_NET_RAW, unix.CAP_NET_BIND_SERVICE, unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE} {
		mask |= 1 << c
	}
	return mask
}

// tellSystemd tells systemd when the service is ready. Without systemd nobody listens.
func tellSystemd(err error) {
	if err != nil {
		return
	}
	if n, err := sdnotify.New(); err == nil {
		_ = n.Notify(sdnotify.Ready)
		n.Close()
	}
}
