package manager

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/bondctl/bondctl/bond/internal/statefile"
	"github.com/bondctl/bondctl/bond/owner"
)

// networkManager is NetworkManager(8), which is asked over D-Bus. A device that is told to be
// unmanaged so keeps its addresses and routes, but a Wi-Fi device its association isn't left.
// That holds till NetworkManager starts anew, or the device comes anew: for those there is a
// file.
type networkManager struct{}

// The names that NetworkManager has on the bus.
const (
	nmName       = "org.freedesktop.NetworkManager"
	nmPath       = "/org/freedesktop/NetworkManager"
	nmDevice     = nmName + ".Device"
	nmActive     = nmName + ".Connection.Active"
	nmConnection = nmName + ".Settings.Connection"
	nmDHCP4      = nmName + ".DHCP4Config"
)

// States of a device (NMDeviceState).
const (
	nmUnmanaged    = 10
	nmDisconnected = 30
	nmActivated    = 100
)

// nmFolder is there while NetworkManager runs, and stays when it ends.
const nmFolder = "/run/NetworkManager"

func (networkManager) runs() bool { return statefile.Exists(nmFolder) }

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

func (networkManager) holds(ctx context.Context, interfaces []string) ([]Hold, error) {
	n, err := dialNM(ctx)
	if n == nil {
		return nil, wrapNM("ask NetworkManager", err)
	}
	defer n.close()
	var all []Hold
	for _, name := range interfaces {
		d, err := n.device(ctx, name)
		if err != nil {
			return all, wrapNM("ask NetworkManager about "+name, err)
		}
		if d == nil || !d.managed {
			continue
		}
		h, err := n.hold(ctx, name, d)
		if err != nil {
			return all, wrapNM("ask NetworkManager about "+name, err)
		}
		all = append(all, h)
	}
	return all, nil
}

func wrapNM(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// hold is what NetworkManager does on a device.
func (n *nm) hold(ctx context.Context, name string, d *device) (Hold, error) {
	h := Hold{Manager: NetworkManager, Link: owner.Link{Interface: name}}
	active, err := n.properties(ctx, property[dbus.ObjectPath](d.properties, "ActiveConnection"), nmActive)
	if err != nil {
		return h, err
	}
	if active != nil {
		h.Restore = property[string](active, "Uuid")
		h.Follows = fmt.Sprintf("connection %q", property[string](active, "Id"))
		settings, err := n.properties(ctx, property[dbus.ObjectPath](active, "Connection"), nmConnection)
		if err != nil {
			return h, err
		}
		if file := property[string](settings, "Filename"); file != "" {
			h.Follows += " of " + file
		}
	}
	lent, err := n.properties(ctx, property[dbus.ObjectPath](d.properties, "Dhcp4Config"), nmDHCP4)
	if options := property[map[string]dbus.Variant](lent, "Options"); options != nil {
		h.Link.Lease, h.Link.Identity = leaseOfOptions(func(name string) string { return property[string](options, name) }, time.Now())
	}
	return h, err
}

// releaseTime bounds how long NetworkManager may take to let go of a device, or to take it.
const releaseTime = 20 * time.Second

func (m networkManager) release(ctx context.Context, h Handover) error {
	if err := writeNMFile(h); err != nil {
		return err
	}
	n, err := dialNM(ctx)
	if n == nil {
		return wrapNM("tell NetworkManager", err)
	}
	defer n.close()
	if err := n.reload(ctx); err != nil {
		return err
	}
	for _, hold := range h.Holds {
		if err := n.manage(ctx, hold.Interface, false); err != nil {
			return err
		}
		if err := n.await(ctx, hold.Interface, func(d *device) bool { return d.state <= nmUnmanaged }); err != nil {
			return fmt.Errorf("have NetworkManager let go of %s: %w", hold.Interface, err)
		}
	}
	return nil
}

func (m networkManager) reclaim(ctx context.Context, h Handover) error {
	if err := removeNMFiles(h.Bond); err != nil {
		return err
	}
	n, err := dialNM(ctx)
	if n == nil {
		return wrapNM("tell NetworkManager", err)
	}
	defer n.close()
	errs := []error{n.reload(ctx)}
	for _, hold := range h.Holds {
		errs = append(errs, n.takeBack(ctx, hold))
	}
	return errors.Join(errs...)
}

// takeBack has NetworkManager look after a device, and follow the connection that it did.
// Mostly it has taken that by itself.
func (n *nm) takeBack(ctx context.Context, h Hold) error {
	if err := n.manage(ctx, h.Interface, true); err != nil || h.Restore == "" {
		return err
	}
	var connection dbus.ObjectPath
	err := n.call(ctx, n.object(nmPath+"/Settings"), nmName+".Settings.GetConnectionByUuid", h.Restore).Store(&connection)
	if err != nil {
		return fmt.Errorf("find %s, which %s had: %w", h.Follows, h.Interface, err)
	}
	ready := func(d *device) bool { return d.state >= nmDisconnected }
	if err := n.await(ctx, h.Interface, ready); err != nil {
		return fmt.Errorf("have NetworkManager take %s back: %w", h.Interface, err)
	}
	d, err := n.device(ctx, h.Interface)
	if err != nil || d == nil {
		return err
	}
	active, err := n.properties(ctx, property[dbus.ObjectPath](d.properties, "ActiveConnection"), nmActive)
	if err != nil || property[string](active, "Uuid") != h.Restore {
		var path dbus.ObjectPath
		err = n.call(ctx, n.object(nmPath), nmName+".ActivateConnection", connection, d.path, dbus.ObjectPath("/")).Store(&path)
	}
	if err == nil {
		err = n.await(ctx, h.Interface, func(d *device) bool { return d.state == nmActivated })
	}
	if err != nil {
		return fmt.Errorf("have NetworkManager follow %s on %s again: %w", h.Follows, h.Interface, err)
	}
	return nil
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
	if err != nil {
		return fmt.Errorf("tell NetworkManager about %s: %w", name, err)
	}
	return nil
}

// await waits until a device is as wanted, or isn't there.
func (n *nm) await(ctx context.Context, name string, wanted func(*device) bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, releaseTime, fmt.Errorf("not done after %s", releaseTime))
	defer cancel()
	signals := make(chan *dbus.Signal, 16)
	n.conn.Signal(signals)
	defer n.conn.RemoveSignal(signals)
	match := []dbus.MatchOption{dbus.WithMatchSender(nmName), dbus.WithMatchInterface(nmDevice), dbus.WithMatchMember("StateChanged")}
	if err := n.conn.AddMatchSignalContext(ctx, match...); err != nil {
		return err
	}
	defer func() { _ = n.conn.RemoveMatchSignal(match...) }()
	for {
		d, err := n.device(ctx, name)
		if err != nil || d == nil || wanted(d) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case _, open := <-signals:
			if !open {
				return cmp.Or(context.Cause(ctx), errors.New("the system bus has gone"))
			}
		}
	}
}
