package suite

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/bond/resolve"
	"github.com/bondctl/bondctl/netnstest"
	"github.com/google/go-cmp/cmp"
)

// namesHost is a host with an empty bond0 on its way to the LAN, whose DNS server knows one name, and
// with an /etc of its own and these packages of Debian in addition (see netnstest/setup). Its
// resolv.conf is that of a network where nobody answers.
func namesHost(t *testing.T, packages ...string) *netnstest.Host {
	t.Helper()
	h := netnstest.New(t, netnstest.Private("/var/lib/bondctl"))
	h.Unpack(packages...)
	h.Cable("eth0")
	succeeds(t, h, "up", "--once", "--member", "eth0", "--address", "192.0.2.10/24", "bond0")
	t.Cleanup(func() { succeeds(t, h, "down") })
	server := h.LAN().Start("dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
		"--interface=lan", "--bind-interfaces", "--address=/mail.zero.example/192.0.2.77")
	netnstest.Eventually(t, wrote(server, "started"))
	if err := os.Remove(in(h, "/etc/resolv.conf")); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	writeFile(t, in(h, "/etc/resolv.conf"), foundConf)
	return h
}

const foundConf = "nameserver 192.0.2.250\noptions timeout:1 attempts:1\n"

var lanNames = resolve.Settings{
	Servers: []netip.Addr{netip.MustParseAddr(netnstest.LANAddr)}, Domains: []string{"zero.example"},
}

// setNames is Set of a resolver that has seen nothing: each call could be another process's.
func setNames(t *testing.T, h *netnstest.Host, bond string, s resolve.Settings) (o resolve.Outcome, err error) {
	t.Helper()
	h.Do(func() { o, err = new(resolve.Resolver).Set(t.Context(), bond, s) })
	return o, err
}

func clearNames(t *testing.T, h *netnstest.Host, bond string) {
	t.Helper()
	var err error
	h.Do(func() { err = new(resolve.Resolver).Clear(t.Context(), bond) })
	if err != nil {
		t.Error(err)
	}
}

// wantHolder sets bond0's names, and that must come to this.
func wantHolder(t *testing.T, h *netnstest.Host, want resolve.Outcome) {
	t.Helper()
	got, err := setNames(t, h, "bond0", lanNames)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("set (-want +got):\n%s", diff)
	}
}

// finds looks up a short name as every program does, by the C library. It is known to the LAN's
// server alone, and only with the search domain.
func finds(h *netnstest.Host) error {
	out, err := h.Command("getent", "ahostsv4", "mail").CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "192.0.2.77") {
		return fmt.Errorf("mail is not found: %w: %s", err, out)
	}
	return nil
}

// wantFound waits until it is found, for the C library gives up after a second (see foundConf).
func wantFound(t *testing.T, h *netnstest.Host) {
	t.Helper()
	netnstest.Eventually(t, func() error { return finds(h) })
}

func wantNotFound(t *testing.T, h *netnstest.Host) {
	t.Helper()
	if finds(h) == nil {
		t.Error("the name is found")
	}
}

func wantResolvConf(t *testing.T, h *netnstest.Host, want string) {
	t.Helper()
	if diff := cmp.Diff(want, readFile(t, in(h, "/etc/resolv.conf"))); diff != "" {
		t.Errorf("resolv.conf (-want +got):\n%s", diff)
	}
}

func TestNamesFile(t *testing.T) {
	t.Parallel()
	h := namesHost(t)
	wantNotFound(t, h)
	wantHolder(t, h, resolve.Outcome{Holder: resolve.File})
	wantFound(t, h)
	clearNames(t, h, "bond0")
	wantResolvConf(t, h, foundConf)

	// As containers have it.
	writeFile(t, in(h, "/run/theirs"), foundConf)
	h.Run("mount", "--bind", "/run/theirs", "/etc/resolv.conf")
	wantHolder(t, h, resolve.Outcome{Notes: []string{"/etc/resolv.conf is a mount point, left alone"}})
	clearNames(t, h, "bond0")
	wantResolvConf(t, h, foundConf)
}

// TestNamesOwner has a resolv.conf of somebody other than root, and no more capabilities than a keeper
// that is a service.
func TestNamesOwner(t *testing.T) {
	t.Parallel()
	h := namesHost(t)
	h.Run("chown", "4711:4712", "/etc/resolv.conf")
	h.Run("chmod", "640", "/etc/resolv.conf")
	wantOwner := func() {
		t.Helper()
		if got, want := h.Run("stat", "--format=%u:%g %a", "/etc/resolv.conf"), "4711:4712 640\n"; got != want {
			t.Errorf("resolv.conf is %q, want %q", got, want)
		}
	}
	bondctl := func(args ...string) {
		t.Helper()
		h.Run("setpriv", append([]string{
			"--bounding-set", "-all,+net_admin,+net_raw,+net_bind_service,+chown,+dac_override", "bondctl",
		}, args...)...)
	}
	bondctl("up", "--once", "--member", "eth0", "--address", "192.0.2.10/24", "--dns", netnstest.LANAddr, "bond0")
	if text := readFile(t, in(h, "/etc/resolv.conf")); !strings.Contains(text, "nameserver "+netnstest.LANAddr+"\n") {
		t.Errorf("resolv.conf hasn't the bond's server:\n%s", text)
	}
	wantOwner()
	bondctl("down")
	wantResolvConf(t, h, foundConf)
	wantOwner()
	succeeds(t, h, "up", "--once", "--member", "eth0", "bond0") // for what ends the test
}

// TestNamesResolvconf has the program of two packages: Debian's own, where resolv.conf is a link to what it
// writes, and openresolv, which writes resolv.conf itself.
func TestNamesResolvconf(t *testing.T) {
	t.Parallel()
	given := resolve.Outcome{Holder: resolve.Resolvconf}
	t.Run("resolvconf", func(t *testing.T) {
		t.Parallel()
		h := namesHost(t, "resolvconf")
		h.Run("/usr/sbin/resolvconf", "--enable-updates") // as its unit does at boot
		got, err := setNames(t, h, "bond0", lanNames)
		if err != nil || got.Holder != resolve.Resolvconf || !strings.Contains(fmt.Sprint(got.Notes), "not a symbolic link") {
			t.Errorf("%v, %v, want a note that nobody reads it", got, err)
		}
		clearNames(t, h, "bond0")
		h.Run("ln", "-sf", "/run/resolvconf/resolv.conf", "/etc/resolv.conf")
		wantHolder(t, h, given)
		wantFound(t, h)
		wantHolder(t, h, given)
		clearNames(t, h, "bond0")
		wantNotFound(t, h)
		clearNames(t, h, "bond0")
		wantNoRecords(t, h)
	})
	t.Run("openresolv", func(t *testing.T) {
		t.Parallel()
		h := namesHost(t, "openresolv")
		wantHolder(t, h, given)
		wantFound(t, h)
		wantHolder(t, h, given)
		h.Run("/usr/sbin/resolvconf", "-d", "bond0.bondctl") // somebody is faster
		clearNames(t, h, "bond0")
		wantHolder(t, h, given)
		wantFound(t, h)
		clearNames(t, h, "bond0")
		wantResolvConf(t, h, foundConf)
		wantNoRecords(t, h)
	})
}

// wantNoRecords checks that resolvconf knows of no bond.
func wantNoRecords(t *testing.T, h *netnstest.Host) {
	t.Helper()
	// It fails where there are none.
	if out, _ := h.Command("/usr/sbin/resolvconf", "-i").Output(); strings.TrimSpace(string(out)) != "" {
		t.Errorf("resolvconf has records: %s", out)
	}
}

// startBus starts a D-Bus of the host's own. It would start resolved for whoever asks it for
// something, and that leaves a file.
func startBus(t *testing.T, h *netnstest.Host) {
	t.Helper()
	writeFile(t, in(h, "/run/dbus/bus.conf"), `<busconfig>
<type>system</type>
<listen>unix:path=/run/dbus/system_bus_socket</listen>
<servicedir>/run/dbus/services</servicedir>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/></policy>
</busconfig>`)
	writeFile(t, in(h, "/run/dbus/services/org.freedesktop.resolve1.service"),
		"[D-BUS Service]\nName=org.freedesktop.resolve1\nExec=/usr/bin/touch "+activated+"\nUser=root\n")
	h.Start("dbus-daemon", "--config-file=/run/dbus/bus.conf", "--nofork", "--nopidfile")
	netnstest.Eventually(t, func() error {
		_, err := os.Stat(in(h, "/run/dbus/system_bus_socket"))
		return err
	})
}

// addResolvedUser makes the user as whom resolved runs.
func addResolvedUser(h *netnstest.Host) {
	h.Run("sh", "-ec", "mkdir -p /run/systemd; grep -q ^systemd-resolve: /etc/passwd || "+
		"echo systemd-resolve:x:990:990::/:/usr/sbin/nologin >>/etc/passwd")
}

const activated = "/run/activated"

// startResolved starts systemd-resolved, which tells of each call that it gets.
func startResolved(t *testing.T, h *netnstest.Host) *netnstest.Process {
	t.Helper()
	p := h.Start("env", "SYSTEMD_LOG_LEVEL=debug", "SYSTEMD_LOG_TARGET=console", "/usr/lib/systemd/systemd-resolved")
	netnstest.Eventually(t, wrote(p, "Successfully acquired requested service name."))
	return p
}

// calls counts what resolved was told.
func calls(p *netnstest.Process) int {
	return strings.Count(p.Output(), "member=SetLink") + strings.Count(p.Output(), "member=RevertLink")
}

// callsSoFar is calls once resolved has told of a look-up as well that it is asked for now. It tells of
// all in its order, but behind its answers.
func callsSoFar(t *testing.T, h *netnstest.Host, p *netnstest.Process) int {
	t.Helper()
	lookUps := func() int { return strings.Count(p.Output(), "Got DNS stub UDP query packet") }
	before := lookUps()
	netnstest.Eventually(t, func() error {
		if _ = finds(h); lookUps() == before {
			return errors.New("resolved hasn't told of the look-up")
		}
		return nil
	})
	return calls(p)
}

func TestNamesResolved(t *testing.T) {
	t.Parallel()
	h := namesHost(t, "systemd-resolved", "libsystemd-shared")
	addResolvedUser(h)
	startBus(t, h)

	// Nobody has resolved's name yet, and nobody starts it.
	wantHolder(t, h, resolve.Outcome{Holder: resolve.File})
	clearNames(t, h, "bond0")

	p := startResolved(t, h)
	foreign := resolve.Outcome{Holder: resolve.Resolved, Notes: []string{
		"/etc/resolv.conf doesn't lead to systemd-resolved, so programs that read it don't ask there " +
			"(ln -sf /run/systemd/resolve/stub-resolv.conf /etc/resolv.conf)",
	}}
	wantHolder(t, h, foreign)
	wantResolvConf(t, h, foundConf)
	wantLinkNames(t, h, "192.0.2.1", "zero.example", "yes")
	wantNotFound(t, h)

	netnstest.Eventually(t, func() error {
		if got := calls(p); got != 3 {
			return fmt.Errorf("resolved was told %d things at first, want 3", got)
		}
		return nil
	})
	h.Run("ln", "-sf", "/run/systemd/resolve/stub-resolv.conf", "/etc/resolv.conf")
	given := resolve.Outcome{Holder: resolve.Resolved}
	netnstest.Eventually(t, func() error {
		if got, err := setNames(t, h, "bond0", lanNames); !cmp.Equal(got, given) {
			return fmt.Errorf("%v, %w, want %v", got, err, given)
		}
		return nil
	})
	if got := callsSoFar(t, h, p); got != 3 {
		t.Errorf("then resolved was told %d things more, want none", got-3)
	}
	wantFound(t, h)
	h.Run("/usr/bin/resolvectl", "domain", "bond0", "somebody.example")
	wantHolder(t, h, given)
	wantLinkNames(t, h, "192.0.2.1", "zero.example", "yes")

	clearNames(t, h, "bond0")
	wantLinkNames(t, h, "", "", "no")
	wantNotFound(t, h)
	told := callsSoFar(t, h, p)
	clearNames(t, h, "bond0")
	if got := callsSoFar(t, h, p); got != told {
		t.Errorf("a second clear told resolved %d things", got-told)
	}

	wantHolder(t, h, given)
	p.Stop()
	clearNames(t, h, "bond0") // nobody is there to be told
	if _, err := os.Stat(in(h, activated)); err == nil {
		t.Error("D-Bus was made to start resolved")
	}
}

// TestNamesManaged has a link that resolved takes for networkd's, by the file that this would write.
func TestNamesManaged(t *testing.T) {
	t.Parallel()
	h := namesHost(t, "systemd-resolved", "libsystemd-shared")
	addResolvedUser(h)
	writeFile(t, in(h, fmt.Sprintf("/run/systemd/netif/links/%d", link(t, h, "bond0").Index)), "ADMIN_STATE=configured\n")
	startBus(t, h)
	startResolved(t, h)
	wantHolder(t, h, resolve.Outcome{Notes: []string{
		"bond0 is configured by systemd-networkd, whose DNS servers systemd-resolved takes, left alone",
	}})
	if text, err := os.ReadFile(in(h, "/var/lib/bondctl/resolve.json")); err == nil {
		t.Errorf("something is recorded: %s", text)
	}
	clearNames(t, h, "bond0")
	if _, err := setNames(t, h, "bond7", lanNames); err == nil {
		t.Error("a link that isn't there has names")
	}
	clearNames(t, h, "bond7")
}

// wantLinkNames checks what resolved has of bond0, as resolvectl shows it.
func wantLinkNames(t *testing.T, h *netnstest.Host, servers, domains, route string) {
	t.Helper()
	var got []string
	for _, verb := range []string{"dns", "domain", "default-route"} {
		_, value, _ := strings.Cut(h.Run("/usr/bin/resolvectl", verb, "bond0"), ":")
		got = append(got, strings.TrimSpace(value))
	}
	if diff := cmp.Diff([]string{servers, domains, route}, got); diff != "" {
		t.Errorf("servers, domains and default route of bond0 (-want +got):\n%s", diff)
	}
}
