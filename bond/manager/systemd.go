package manager

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/godbus/dbus/v5"
)

// systemd is the manager of services, as org.freedesktop.systemd1(5) describes it.
type systemd struct {
	conn    *dbus.Conn
	manager dbus.BusObject
	signals chan *dbus.Signal
}

const systemdManager = "org.freedesktop.systemd1.Manager"

// dialSystemd connects to systemd, for as long as ctx.
func dialSystemd(ctx context.Context) (*systemd, error) {
	conn, err := dbus.ConnectSystemBus(dbus.WithContext(ctx))
	if err != nil {
		return nil, fmt.Errorf("connect to the system bus: %w", err)
	}
	s := &systemd{
		conn:    conn,
		manager: conn.Object("org.freedesktop.systemd1", "/org/freedesktop/systemd1"),
		signals: make(chan *dbus.Signal, 64),
	}
	conn.Signal(s.signals)
	err = conn.AddMatchSignalContext(ctx, dbus.WithMatchInterface(systemdManager), dbus.WithMatchMember("JobRemoved"))
	if err == nil {
		err = s.manager.CallWithContext(ctx, systemdManager+".Subscribe", 0).Err // or it sends no signals
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("follow systemd's jobs: %w", err)
	}
	return s, nil
}

func (s *systemd) close() { s.conn.Close() }

// jobTime is how long a service may take to start again.
const jobTime = 90 * time.Second

// job has systemd start, stop or restart a unit, and waits until that is done.
func (s *systemd) job(ctx context.Context, method, unit string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, jobTime, fmt.Errorf("not done after %s", jobTime))
	defer cancel()
	var job dbus.ObjectPath
	if err := s.manager.CallWithContext(ctx, systemdManager+"."+method, 0, unit, "replace").Store(&job); err != nil {
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

// property is a property of a unit; iface is the kind of unit that has it.
func (s *systemd) property(ctx context.Context, unit, iface, name string) (any, error) {
	var path dbus.ObjectPath
	if err := s.manager.CallWithContext(ctx, systemdManager+".LoadUnit", 0, unit).Store(&path); err != nil {
		return nil, err
	}
	var value dbus.Variant
	err := s.conn.Object("org.freedesktop.systemd1", path).
		CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0, "org.freedesktop.systemd1."+iface, name).Store(&value)
	return value.Value(), err
}

// isActive says, without a question, whether systemd has a unit started. It keeps a link for
// each that is.
func isActive(unit string) bool {
	_, err := os.Lstat(filepath.Join(root, "run/systemd/units/invocation:"+unit))
	return err == nil
}
