package manager

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/godbus/dbus/v5"
)

// An nm is a connection to NetworkManager. It is nil where there is none on the bus.
type nm struct {
	conn *dbus.Conn
	end  context.CancelFunc
}

// dialTime bounds the time to connect, and answerTime that of an answer.
const (
	dialTime   = 10 * time.Second
	answerTime = 10 * time.Second
)

// dialNM connects to NetworkManager, which it doesn't start.
func dialNM(ctx context.Context) (*nm, error) {
	ctx, cancel := context.WithCancel(ctx)
	limit := time.AfterFunc(dialTime, cancel)
	defer limit.Stop()
	conn, err := dbus.ConnectSystemBus(dbus.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, fmt.Errorf("connect to the system bus: %w", err)
	}
	n := &nm{conn, cancel}
	var runs bool
	if err := n.call(ctx, conn.BusObject(), "org.freedesktop.DBus.NameHasOwner", nmName).Store(&runs); err != nil || !runs {
		n.close()
		return nil, err
	}
	return n, nil
}

// nmUnit is NetworkManager's, where systemd starts it.
const nmUnit = "NetworkManager.service"

// awaitNM is dialNM, and waits for a NetworkManager that systemd has started: until it is on the
// bus nobody knows whether it has read its files before they were written.
func awaitNM(ctx context.Context) (n *nm, err error) {
	limit := time.After(dialTime)
	for {
		if n, err = dialNM(ctx); n != nil || err != nil || !isActive(nmUnit) {
			return n, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-limit:
			return nil, fmt.Errorf("it isn't on the system bus after %s", dialTime)
		case <-time.After(managerPause):
		}
	}
}

func (n *nm) close() {
	n.end()
	n.conn.Close()
}

func (n *nm) object(path dbus.ObjectPath) dbus.BusObject { return n.conn.Object(nmName, path) }

// call calls a method, and waits no longer than answerTime.
func (n *nm) call(ctx context.Context, o dbus.BusObject, method string, args ...any) *dbus.Call {
	ctx, cancel := context.WithTimeoutCause(ctx, answerTime, fmt.Errorf("no answer within %s", answerTime))
	defer cancel()
	call := o.CallWithContext(ctx, method, dbus.FlagNoAutoStart, args...)
	if cause := context.Cause(ctx); call.Err != nil && cause != nil {
		call.Err = cause
	}
	return call
}

// properties are those of an object; none where there is no such object.
func (n *nm) properties(ctx context.Context, path dbus.ObjectPath, iface string) (map[string]dbus.Variant, error) {
	var all map[string]dbus.Variant
	if path == "" || path == "/" {
		return nil, nil
	}
	err := n.call(ctx, n.object(path), "org.freedesktop.DBus.Properties.GetAll", iface).Store(&all)
	if isNoObject(err) {
		return nil, nil // it has gone meanwhile
	}
	return all, err
}

// property is a value among properties; the zero value where it isn't.
func property[T any](all map[string]dbus.Variant, name string) (value T) {
	value, _ = all[name].Value().(T)
	return value
}

// isNoObject tells that what was asked for isn't there.
func isNoObject(err error) bool {
	e, ok := errors.AsType[dbus.Error](err)
	return ok && slices.Contains([]string{
		nmName + ".UnknownDevice", "org.freedesktop.DBus.Error.UnknownObject", "org.freedesktop.DBus.Error.UnknownMethod",
	}, e.Name)
}

// A device is an interface as NetworkManager has it.
type device struct {
	path       dbus.ObjectPath
	managed    bool
	state      uint32
	properties map[string]dbus.Variant
}

// device finds an interface; nil where NetworkManager has none of that name.
func (n *nm) device(ctx context.Context, name string) (*device, error) {
	var d device
	err := n.call(ctx, n.object(nmPath), nmName+".GetDeviceByIpIface", name).Store(&d.path)
	if isNoObject(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if d.properties, err = n.properties(ctx, d.path, nmDevice); err != nil || d.properties == nil {
		return nil, err
	}
	d.managed, d.state = property[bool](d.properties, "Managed"), property[uint32](d.properties, "State")
	return &d, nil
}

// reload has NetworkManager read its configuration again, and nothing else.
func (n *nm) reload(ctx context.Context) error {
	const configuration = uint32(1)
	return wrapNM("have NetworkManager read its configuration", n.call(ctx, n.object(nmPath), nmName+".Reload", configuration).Err)
}

// manage says whether NetworkManager is to look after an interface. One that isn't there is
// as its files say when it comes.
func (n *nm) manage(ctx context.Context, name string, managed bool) error {
	d, err := n.device(ctx, name)
	if err == nil && d != nil && d.managed != managed {
		err = n.call(ctx, n.object(d.path), "org.freedesktop.DBus.Properties.Set", nmDevice, "Managed", dbus.MakeVariant(managed)).Err
	}
	if err != nil && !isNoObject(err) { // it may go meanwhile
		return fmt.Errorf("tell NetworkManager about %s: %w", name, err)
	}
	return nil
}

// await waits until a device is as wanted, and returns it; nil where there is none. The error is
// errSlow where that takes too long, with the device as it is then.
func (n *nm) await(ctx context.Context, name string, wanted func(*device) bool) (*device, error) {
	limit := time.After(releaseTime)
	signals := make(chan *dbus.Signal, 16)
	n.conn.Signal(signals)
	defer n.conn.RemoveSignal(signals)
	match := []dbus.MatchOption{dbus.WithMatchSender(nmName), dbus.WithMatchInterface(nmDevice), dbus.WithMatchMember("StateChanged")}
	if err := n.conn.AddMatchSignalContext(ctx, match...); err != nil {
		return nil, err
	}
	defer func() { _ = n.conn.RemoveMatchSignal(match...) }()
	for {
		d, err := n.device(ctx, name)
		if err != nil || d == nil || wanted(d) {
			return d, err
		}
		select {
		case <-ctx.Done():
			return d, context.Cause(ctx)
		case <-limit:
			return d, errSlow
		case _, open := <-signals:
			if !open {
				return d, cmp.Or(context.Cause(ctx), errors.New("the system bus has gone"))
			}
		}
	}
}
