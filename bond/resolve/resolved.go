package resolve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"reflect"
	"syscall"
	"time"

	"github.com/godbus/dbus/v5"
)

// The D-Bus interface of systemd-resolved, see org.freedesktop.resolve1(5).
const (
	systemBus       = "unix:path=/run/dbus/system_bus_socket"
	resolvedName    = "org.freedesktop.resolve1"
	resolvedPath    = "/org/freedesktop/resolve1"
	resolvedManager = resolvedName + ".Manager"
	resolvedLink    = resolvedName + ".Link"

	errNoSuchLink = resolvedName + ".NoSuchLink"
	errLinkBusy   = resolvedName + ".LinkBusy" // it is networkd's

	busProperties = "org.freedesktop.DBus.Properties"
)

// busPatience is how long resolved, or the bus, may take for everything.
const busPatience = 10 * time.Second

// resolved is systemd-resolved as a holder; nil where it doesn't run.
type resolved struct {
	conn   *dbus.Conn
	cancel context.CancelFunc
}

// connect reaches for resolved. It returns nil if nobody has its name on the bus,
// or if there is no bus: then it isn't started on our account.
func (r *Resolver) connect(ctx context.Context) (*resolved, error) {
	ctx, cancel := context.WithTimeout(ctx, busPatience)
	conn, err := dbus.Connect(cmp.Or(r.Bus, systemBus), dbus.WithContext(ctx))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		cancel()
		return nil, nil
	}
	if err != nil {
		cancel()
		return nil, fmt.Errorf("connect to the system bus: %w", cmp.Or(ctx.Err(), err))
	}
	d := &resolved{conn: conn, cancel: cancel}
	var running bool
	err = conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.NameHasOwner", 0, resolvedName).Store(&running)
	if err != nil || !running {
		d.close()
		return nil, err
	}
	return d, nil
}

func (d *resolved) close() {
	if d != nil {
		d.conn.Close()
		d.cancel()
	}
}

// call calls a method of the manager, and stores what it returns.
func (d *resolved) call(method string, args []any, into ...any) error {
	return d.callAt(resolvedPath, resolvedManager+"."+method, args, into...)
}

// callAt calls a method of an object of resolved's. If resolved has ended since,
// the bus isn't to start it again.
func (d *resolved) callAt(path dbus.ObjectPath, method string, args []any, into ...any) error {
	call := d.conn.Object(resolvedName, path).CallWithContext(d.conn.Context(), method, dbus.FlagNoAutoStart, args...)
	if err := call.Store(into...); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	return nil
}

// linkSettings are what resolved knows of a link, in the types of D-Bus.
type linkSettings struct {
	servers []linkServer
	domains []linkDomain
	// route: queries for names of no link's domain go there.
	route bool
}

type linkServer struct {
	Family  int32
	Address []byte
}

type linkDomain struct {
	Name string
	// RouteOnly: it says what to ask there, and isn't appended to short names.
	RouteOnly bool
}

func (s Settings) forLink() linkSettings {
	l := linkSettings{servers: []linkServer{}, domains: []linkDomain{}, route: true}
	for _, addr := range s.Servers {
		l.servers = append(l.servers, linkServer{family(addr), addr.AsSlice()})
	}
	for _, name := range s.Domains {
		l.domains = append(l.domains, linkDomain{Name: name})
	}
	return l
}

func family(addr netip.Addr) int32 {
	if addr.Is4() {
		return syscall.AF_INET
	}
	return syscall.AF_INET6
}

func (d *resolved) give(_ context.Context, rec *record, bond string, s Settings) (Outcome, error) {
	link, err := net.InterfaceByName(bond)
	if err != nil {
		return Outcome{}, err
	}
	if err := rec.mark(bond, Resolved); err != nil {
		return Outcome{}, err
	}
	has, err := d.linkSettings(link.Index)
	if err != nil {
		return Outcome{}, err
	}
	if want := s.forLink(); !reflect.DeepEqual(has, want) {
		err := d.setLink(link.Index, want)
		if dbusError(err) == errLinkBusy {
			note := bond + " is configured by systemd-networkd, whose DNS servers systemd-resolved takes, left alone"
			return Outcome{Notes: []string{note}}, rec.unmark(bond, Resolved)
		}
		if err != nil {
			return Outcome{}, err
		}
	}
	note, err := d.whoAsks()
	o := Outcome{Holder: Resolved}
	if note != "" {
		o.Notes = []string{note}
	}
	return o, err
}

func (d *resolved) setLink(index int, l linkSettings) error {
	for _, set := range []struct {
		method string
		value  any
	}{{"SetLinkDNS", l.servers}, {"SetLinkDomains", l.domains}, {"SetLinkDefaultRoute", l.route}} {
		if err := d.call(set.method, []any{int32(index), set.value}); err != nil {
			return err
		}
	}
	return nil
}

// linkSettings reads what resolved knows of a link.
func (d *resolved) linkSettings(index int) (linkSettings, error) {
	l := linkSettings{servers: []linkServer{}, domains: []linkDomain{}}
	var path dbus.ObjectPath
	if err := d.call("GetLink", []any{int32(index)}, &path); err != nil {
		return l, err
	}
	for _, property := range []struct {
		name string
		into any
	}{{"DNS", &l.servers}, {"Domains", &l.domains}, {"DefaultRoute", &l.route}} {
		err := d.callAt(path, busProperties+".Get", []any{resolvedLink, property.name}, property.into)
		if err != nil {
			return l, err
		}
	}
	return l, nil
}

// whoAsks is a note for when programs that read resolv.conf don't ask resolved.
func (d *resolved) whoAsks() (string, error) {
	var mode string
	err := d.callAt(resolvedPath, busProperties+".Get", []any{resolvedManager, "ResolvConfMode"}, &mode)
	if dbusError(err) == "org.freedesktop.DBus.Error.UnknownProperty" {
		return "", nil // before systemd 247
	}
	if mode == "foreign" || mode == "missing" {
		return "/etc/resolv.conf doesn't lead to systemd-resolved, so programs that read it don't ask there " +
			"(ln -sf /run/systemd/resolve/stub-resolv.conf /etc/resolv.conf)", err
	}
	return "", err
}

// takeBack has resolved forget what it was told of a link. If either is gone,
// there is nothing to forget, and nothing was taken for a link of networkd's.
func (d *resolved) takeBack(_ context.Context, _ *record, bond string) error {
	link, err := net.InterfaceByName(bond)
	if d == nil || err != nil {
		return nil
	}
	err = d.call("RevertLink", []any{int32(link.Index)})
	if name := dbusError(err); name == errNoSuchLink || name == errLinkBusy {
		return nil
	}
	return err
}

// dbusError is the name of the error that came over the bus, "" if none did.
func dbusError(err error) string {
	e, _ := errors.AsType[dbus.Error](err)
	return e.Name
}
