package manager

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
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
	nmUnavailable  = 20 // without a link, or Wi-Fi without a wpa_supplicant
	nmDisconnected = 30
	nmActivated    = 100
)

// nmWiFi is the type of a Wi-Fi device (NMDeviceType).
const nmWiFi = 2

// nmExternal says of a connection that NetworkManager only describes what somebody else has
// done (NMActivationStateFlags).
const nmExternal = 0x80

// nmFolder is there while NetworkManager runs, and stays when it ends.
const nmFolder = "run/NetworkManager"

func (networkManager) runs() bool { return statefile.Exists(filepath.Join(root, nmFolder)) }

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
	if active != nil && property[uint32](active, "StateFlags")&nmExternal == 0 {
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
var releaseTime = 20 * time.Second // tests have another

var errSlow = fmt.Errorf("not done after %s", releaseTime)

func (networkManager) release(ctx context.Context, h Handover) error {
	if err := errors.Join(writeNMFile(h), h.writeRule(ctx)); err != nil {
		return err
	}
	n, err := awaitNM(ctx)
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
		if _, err := n.await(ctx, hold.Interface, func(d *device) bool { return d.state <= nmUnmanaged }); err != nil {
			return fmt.Errorf("have NetworkManager let go of %s: %w", hold.Interface, err)
		}
	}
	return nil
}

func (networkManager) reclaim(ctx context.Context, h Handover) error {
	var err error
	if h.Left != nil {
		err = errors.Join(writeNMFile(*h.Left), h.Left.writeRule(ctx))
	} else {
		err = errors.Join(removeNMFiles(h.Bond), h.removeRule(ctx))
	}
	if err != nil {
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
	if err := setUp(h.Interface); err != nil {
		return err
	}
	if err := n.manage(ctx, h.Interface, true); err != nil || h.Restore == "" {
		return err
	}
	var connection dbus.ObjectPath
	err := n.call(ctx, n.object(nmPath+"/Settings"), nmName+".Settings.GetConnectionByUuid", h.Restore).Store(&connection)
	if err != nil {
		return fmt.Errorf("find %s, which %s had: %w", h.Follows, h.Interface, err)
	}
	d, err := n.await(ctx, h.Interface, func(d *device) bool { return d.state >= nmDisconnected })
	if errors.Is(err, errSlow) && d != nil && d.state == nmUnavailable {
		return nil // it follows the connection once it has a link
	}
	if err != nil || d == nil {
		return wrapNM("have NetworkManager take "+h.Interface+" back", err)
	}
	if err := n.follow(ctx, d, h, connection); err != nil && !isNoObject(err) {
		return fmt.Errorf("have NetworkManager follow %s on %s again: %w", h.Follows, h.Interface, err)
	}
	return nil
}

// follow has a device follow a connection. Wi-Fi may be elsewhere by now: there NetworkManager's
// choice is as good and, where it finds nothing to choose, it isn't waited for.
func (n *nm) follow(ctx context.Context, d *device, h Hold, connection dbus.ObjectPath) error {
	wireless := property[uint32](d.properties, "DeviceType") == nmWiFi
	var chosen bool
	if wireless {
		now, err := n.await(ctx, h.Interface, func(d *device) bool { return d.state > nmDisconnected })
		if chosen = err == nil; !chosen && !errors.Is(err, errSlow) || now == nil {
			return err
		}
	} else {
		active, err := n.properties(ctx, property[dbus.ObjectPath](d.properties, "ActiveConnection"), nmActive)
		chosen = err == nil && property[string](active, "Uuid") == h.Restore
	}
	if !chosen {
		var path dbus.ObjectPath
		err := n.call(ctx, n.object(nmPath), nmName+".ActivateConnection", connection, d.path, dbus.ObjectPath("/")).Store(&path)
		if err != nil || wireless {
			return err
		}
	}
	_, err := n.await(ctx, h.Interface, func(d *device) bool { return d.state == nmActivated })
	return err
}

// setUp sets a link up, as it is whenever NetworkManager looks after it: of a link that
// NetworkManager is only told of it takes for meant what it finds, be it down.
func setUp(name string) error {
	link, err := net.InterfaceByName(name)
	if err != nil || link.Flags&net.FlagUp != 0 {
		return nil // or it has gone
	}
	c, err := rtnl.Dial()
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetLink(link.Index, rtnl.LinkChange{Up: new(true)}); err != nil {
		return fmt.Errorf("set %s up: %w", name, err)
	}
	return nil
}
