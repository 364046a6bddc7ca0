package manager

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/bondctl/bondctl/bond/owner"
)

// busError is the name of an error with which a call is answered.
type busError string

// fakeNM is NetworkManager on a bus of its own. A call is answered by its member and object.
type fakeNM struct {
	t       *testing.T
	mu      sync.Mutex
	answers map[string]any // by "Member" or "Member of /path"; nothing for no value, nil for no answer
	called  []string
}

type nothing struct{}

// then is an answer after which another call has another one.
type then struct {
	answer any
	call   string
	next   any
}

const devicePath = dbus.ObjectPath(nmPath + "/Devices/1")

// startNM has the package find a NetworkManager with one device, nobody0, which the machine doesn't have.
func startNM(t *testing.T, device map[string]any, answers map[string]any) *fakeNM {
	t.Helper()
	dir := tempRoot(t)
	f := &fakeNM{t: t, answers: map[string]any{
		"Hello": ":1.1", "AddMatch": nothing{}, "RemoveMatch": nothing{}, "NameHasOwner": true, "Reload": nothing{}, "Set": nothing{},
		"GetDeviceByIpIface": devicePath, "GetAll of " + string(devicePath): variants(device),
		"GetConnectionByUuid": dbus.ObjectPath(nmPath + "/Settings/1"), "ActivateConnection": dbus.ObjectPath(nmPath + "/ActiveConnection/2"),
	}}
	for call, answer := range answers {
		f.answers[call] = answer
	}
	path := filepath.Join(dir, "bus")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path="+path)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { f.serve(conn) })
		}
	})
	t.Cleanup(func() { listener.Close(); serving.Wait() })
	return f
}

// hurry has nobody wait for what doesn't come.
func hurry(t *testing.T) {
	old := releaseTime
	releaseTime = 0
	t.Cleanup(func() { releaseTime = old })
}

func variants(values map[string]any) map[string]dbus.Variant {
	all := map[string]dbus.Variant{}
	for name, value := range values {
		all[name] = dbus.MakeVariant(value)
	}
	return all
}

// serve lets a client in, and answers its calls until it goes.
func (f *fakeNM) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for begun := false; !begun; {
		line, err := in.ReadString('\n')
		answer := "ERROR\r\n"
		switch line = strings.TrimLeft(line, "\x00"); {
		case err != nil:
			return
		case line == "AUTH\r\n":
			answer = "REJECTED EXTERNAL\r\n"
		case strings.HasPrefix(line, "AUTH EXTERNAL"):
			answer = "OK 0123456789abcdef0123456789abcdef\r\n"
		case line == "BEGIN\r\n":
			answer, begun = "", true
		}
		if _, err := conn.Write([]byte(answer)); err != nil {
			return
		}
	}
	for {
		call, err := dbus.DecodeMessage(in)
		if err != nil {
			return
		}
		if answer := f.answer(call); answer != nil {
			if _, err := conn.Write(reply(f.t, call, answer)); err != nil {
				return
			}
		}
	}
}

func (f *fakeNM) answer(call *dbus.Message) any {
	member, _ := call.Headers[dbus.FieldMember].Value().(string)
	path, _ := call.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.called = append(f.called, member)
	answer, ok := f.answers[member+" of "+string(path)]
	if !ok {
		answer, ok = f.answers[member]
	}
	if !ok {
		return busError("org.freedesktop.DBus.Error.UnknownObject")
	}
	if a, ok := answer.(then); ok {
		f.answers[a.call] = a.next
		return a.answer
	}
	return answer
}

func (f *fakeNM) has(member string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Contains(f.called, member)
}

func reply(t *testing.T, call *dbus.Message, answer any) []byte {
	m := dbus.Message{Type: dbus.TypeMethodReply, Headers: map[dbus.HeaderField]dbus.Variant{dbus.FieldReplySerial: dbus.MakeVariant(call.Serial())}}
	switch answer := answer.(type) {
	case nothing:
	case busError:
		m.Type, m.Headers[dbus.FieldErrorName] = dbus.TypeError, dbus.MakeVariant(string(answer))
	default:
		m.Headers[dbus.FieldSignature], m.Body = dbus.MakeVariant(dbus.SignatureOf(answer)), []any{answer}
	}
	var b bytes.Buffer
	if err := m.EncodeTo(&b, binary.LittleEndian); err != nil {
		t.Error(err)
	}
	return b.Bytes()
}

// What NetworkManager says it does on a device, however it says so.
func TestNetworkManagerHolds(t *testing.T) {
	const active = dbus.ObjectPath(nmPath + "/ActiveConnection/1")
	device := map[string]any{"Managed": true, "State": uint32(nmActivated), "ActiveConnection": active}
	connection := map[string]any{"Uuid": "u", "Id": "dock", "StateFlags": uint32(0)}
	external := map[string]any{"Uuid": "u", "Id": "eth0", "StateFlags": uint32(nmExternal)}
	for name, tt := range map[string]struct {
		device  map[string]any
		answers map[string]any
		want    string // Follows and Restore; "-" for no hold
		fails   bool
	}{
		"a connection":           {device, map[string]any{"GetAll of " + string(active): variants(connection)}, `connection "dock" u`, false},
		"one that it describes":  {device, map[string]any{"GetAll of " + string(active): variants(external)}, " ", false},
		"one that has gone":      {device, nil, " ", false},
		"unmanaged":              {map[string]any{"Managed": false}, nil, "-", false},
		"no device":              {device, map[string]any{"GetDeviceByIpIface": busError(nmName + ".UnknownDevice")}, "-", false},
		"a device that has gone": {device, map[string]any{"GetAll of " + string(devicePath): busError("org.freedesktop.DBus.Error.UnknownObject")}, "-", false},
		"not on the bus":         {device, map[string]any{"NameHasOwner": false}, "-", false},
		"refused":                {device, map[string]any{"GetDeviceByIpIface": busError("org.freedesktop.DBus.Error.AccessDenied")}, "-", true},
		"another type":           {device, map[string]any{"GetDeviceByIpIface": uint32(7)}, "-", true},
		"values of other types":  {map[string]any{"Managed": true, "ActiveConnection": uint32(1), "Dhcp4Config": "x", "State": "100"}, nil, " ", false},
	} {
		t.Run(name, func(t *testing.T) {
			startNM(t, tt.device, tt.answers)
			holds, err := networkManager{}.holds(t.Context(), []string{"nobody0"})
			got := "-"
			for _, h := range holds {
				got = h.Follows + " " + h.Restore
			}
			if got != tt.want || err != nil != tt.fails {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

// A device may go while NetworkManager is told about it. What it doesn't let go of is an error.
func TestNetworkManagerRelease(t *testing.T) {
	managed := map[string]any{"Managed": true, "State": uint32(nmActivated)}
	h := Handover{Manager: NetworkManager, Bond: "bond0", Members: []Match{{Name: "nobody0"}}, Holds: []Hold{{Link: owner.Link{Interface: "nobody0"}}}}
	const gone = busError("org.freedesktop.DBus.Error.UnknownObject")
	for name, tt := range map[string]struct {
		device  map[string]any
		answers map[string]any
		fails   bool
	}{
		"let go":         {map[string]any{"Managed": false, "State": uint32(nmUnmanaged)}, nil, false},
		"gone meanwhile": {managed, map[string]any{"Set": then{gone, "GetDeviceByIpIface", busError(nmName + ".UnknownDevice")}}, false},
		"holds on":       {managed, nil, true},
		"refused":        {managed, map[string]any{"Set": busError("org.freedesktop.DBus.Error.AccessDenied")}, true},
		"no reload":      {managed, map[string]any{"Reload": busError("org.freedesktop.DBus.Error.Failed")}, true},
		"not on the bus": {managed, map[string]any{"NameHasOwner": false}, false},
	} {
		t.Run(name, func(t *testing.T) {
			startNM(t, tt.device, tt.answers)
			hurry(t)
			if err := (networkManager{}).release(t.Context(), h); err != nil != tt.fails {
				t.Errorf("got %v", err)
			}
			text, err := os.ReadFile(nmFile("bond0", false))
			if !strings.Contains(string(text), "match-device=interface-name:=nobody0\nmanaged=0\n") || err != nil {
				t.Errorf("its file has %q, %v", text, err)
			}
		})
	}
}

// At boot NetworkManager may have read its files and not be on the bus yet: then it reads them
// again.
func TestNetworkManagerStarts(t *testing.T) {
	f := startNM(t, nil, map[string]any{"NameHasOwner": then{false, "NameHasOwner", true}})
	units := filepath.Join(root, "run/systemd/units")
	if err := errors.Join(os.MkdirAll(units, 0o755), os.Symlink("1", filepath.Join(units, "invocation:"+nmUnit))); err != nil {
		t.Fatal(err)
	}
	if err := (networkManager{}).release(t.Context(), Handover{Bond: "bond0", Members: []Match{{Name: "eth0"}}}); err != nil || !f.has("Reload") {
		t.Errorf("%v, and it has done %q", err, f.called)
	}
}

// A bond's name that would keep NetworkManager from reading its configuration isn't written.
func TestNetworkManagerRefusesName(t *testing.T) {
	tempRoot(t)
	err := writeNMFile(Handover{Bond: "a]b", Members: []Match{{Name: "eth0"}}})
	if _, missing := os.Stat(nmFile("a]b", false)); err == nil || !errors.Is(missing, os.ErrNotExist) {
		t.Errorf("%v, and the file: %v", err, missing)
	}
}

// Links go back to the connection that they had; but to none where Wi-Fi is elsewhere by now.
func TestNetworkManagerReclaim(t *testing.T) {
	const active = dbus.ObjectPath(nmPath + "/ActiveConnection/1")
	device := func(kind, state uint32) map[string]any {
		return map[string]any{"Managed": true, "State": state, "DeviceType": kind, "ActiveConnection": active}
	}
	other := map[string]any{"GetAll of " + string(active): variants(map[string]any{"Uuid": "other"})}
	own := map[string]any{"GetAll of " + string(active): variants(map[string]any{"Uuid": "u"})}
	for name, tt := range map[string]struct {
		device    map[string]any
		answers   map[string]any
		activates bool
	}{
		"as before":            {device(1, nmActivated), own, false},
		"another connection":   {device(1, nmActivated), other, true},
		"Wi-Fi as before":      {device(nmWiFi, nmActivated), own, false},
		"without a link":       {device(1, nmUnavailable), nil, false},
		"Wi-Fi out of range":   {device(nmWiFi, nmDisconnected), nil, true},
		"Wi-Fi elsewhere":      {device(nmWiFi, nmActivated), other, false},
		"an interface is gone": {nil, map[string]any{"GetDeviceByIpIface": busError(nmName + ".UnknownDevice")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := startNM(t, tt.device, tt.answers)
			hurry(t)
			h := Handover{Manager: NetworkManager, Bond: "bond0", Holds: []Hold{{Link: owner.Link{Interface: "nobody0"}, Restore: "u"}}}
			if err := writeNMFile(h); err != nil {
				t.Fatal(err)
			}
			if err := (networkManager{}).reclaim(t.Context(), h); err != nil {
				t.Error(err)
			}
			if got := f.has("ActivateConnection"); got != tt.activates {
				t.Errorf("a connection is activated: %t", got)
			}
			if _, err := os.Stat(nmFile("bond0", false)); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("its file: %v", err)
			}
		})
	}
}
