package manager

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"
)

// release has networkd start again, where it looks after a link by now: told to read its files
// anew it would give the addresses back and take them off first. At a restart it keeps those
// that it was lent by DHCPv4, static ones and those of IPv6 routers.
func (d networkd) release(ctx context.Context, h Handover) error {
	if err := h.writeRule(ctx); err != nil {
		return err
	}
	if err := h.writeNetworkd(); err != nil {
		return err
	}
	if !d.runs() {
		return nil
	}
	held, err := d.heldNow(h)
	if err != nil {
		return err
	}
	if len(held) == 0 {
		return reloadNetworkd(ctx)
	}
	if err := restartNetworkd(ctx); err != nil {
		return err
	}
	return until(ctx, func() error {
		held, err := d.heldNow(h)
		if err == nil && len(held) > 0 {
			err = fmt.Errorf("systemd-networkd still looks after %s", strings.Join(held, ", "))
		}
		return err
	})
}

// reclaim has networkd read its files anew, and doesn't wait for the addresses.
func (d networkd) reclaim(ctx context.Context, h Handover) error {
	var err error
	if h.Left != nil { // no moment may have the slaves without a file: they would be taken out of the bond
		err = errors.Join(h.Left.writeRule(ctx), h.Left.writeNetworkd())
	} else {
		err = errors.Join(h.removeNetworkd(), h.removeRule(ctx))
	}
	if err != nil || !d.runs() {
		return err
	}
	if err := reloadNetworkd(ctx); err != nil {
		return err
	}
	return until(ctx, func() error {
		for _, hold := range h.Holds {
			link, err := net.InterfaceByName(hold.Interface)
			if err != nil {
				continue // it has gone, and networkd takes it when it is back
			}
			if file, err := networkdFile(link.Index); err != nil || file == "" {
				return fmt.Errorf("systemd-networkd doesn't look after %s yet", hold.Interface)
			}
		}
		return nil
	})
}

// heldNow are the links of a handover that networkd looks after: members by name, those that
// it looked after before, and the bond.
func (networkd) heldNow(h Handover) (held []string, err error) {
	names := []string{h.Bond}
	for _, m := range h.Members {
		if m.exact() {
			names = append(names, m.Name)
		}
	}
	for _, hold := range h.Holds {
		names = append(names, hold.Interface)
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		link, failed := net.InterfaceByName(name)
		if failed != nil {
			continue
		}
		file, failed := networkdFile(link.Index)
		if failed != nil {
			err = errors.Join(err, failed)
		}
		if file != "" {
			held = append(held, name)
		}
	}
	return held, err
}

// restartNetworkd starts networkd anew. Since systemd 244 its unit has a signal of its own for
// that, at which it keeps what it was lent; one without has no time to do anything at all.
func restartNetworkd(ctx context.Context) error {
	s, err := dialSystemd(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	kind, err := s.property(ctx, networkdUnit, "Service", "RestartKillSignal")
	if signal, ok := kind.(int32); err != nil || !ok || unix.Signal(signal) != unix.SIGUSR2 {
		_ = s.manager.CallWithContext(ctx, systemdManager+".KillUnit", 0, networkdUnit, "main", int32(unix.SIGKILL)).Err
	}
	if err := s.job(ctx, "RestartUnit", networkdUnit); err != nil {
		return fmt.Errorf("restart systemd-networkd: %w", err)
	}
	return nil
}

// reloadNetworkd has networkd read its files anew. One that is too old for that starts anew.
func reloadNetworkd(ctx context.Context) error {
	conn, err := dbus.ConnectSystemBus(dbus.WithContext(ctx))
	if err != nil {
		return fmt.Errorf("connect to the system bus: %w", err)
	}
	defer conn.Close()
	err = conn.Object("org.freedesktop.network1", "/org/freedesktop/network1").
		CallWithContext(ctx, "org.freedesktop.network1.Manager.Reload", 0).Err
	if e, ok := errors.AsType[dbus.Error](err); ok && e.Name == "org.freedesktop.DBus.Error.UnknownMethod" {
		return restartNetworkd(ctx)
	}
	if err != nil {
		return fmt.Errorf("have systemd-networkd read its files: %w", err)
	}
	return nil
}

// How long a manager may take to do as it was told, and how often it is looked at: what it
// does stands in files, of which nobody tells.
const (
	managerTime  = 30 * time.Second
	managerPause = 20 * time.Millisecond
)

// until waits until a condition has no error.
func until(ctx context.Context, condition func() error) error {
	ctx, cancel := context.WithTimeout(ctx, managerTime)
	defer cancel()
	for {
		err := condition()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(managerPause):
		}
	}
}
