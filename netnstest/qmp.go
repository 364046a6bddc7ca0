package netnstest

import (
	"encoding/json"
	"fmt"
	"os"
	"sync"
)

// monitor is QEMU's monitor, reached from inside of the guest. It speaks QMP: a line of JSON for a
// command, a line for its answer, events in between.
type monitor struct {
	mu      sync.Mutex
	port    *os.File
	in      *json.Decoder
	last    int
	deleted map[string]bool // devices that the guest has let go, by id
}

// openMonitor opens the monitor and makes it listen to commands.
func openMonitor() (*monitor, error) {
	var port *os.File
	// It can be opened once, and a program that another test starts has it for a moment, until it is one.
	err := poll(Patience, func() (err error) {
		port, err = openPort(portQMP, os.O_RDWR)
		return err
	})
	if err != nil {
		return nil, err
	}
	m := &monitor{port: port, in: json.NewDecoder(port), deleted: make(map[string]bool)}
	// A process before this one may have said so already: the monitor then doesn't know that
	// command any more, which is as good.
	_ = m.do("qmp_capabilities", nil)
	return m, nil
}

// reply is what the monitor says: a greeting, an event, or the answer to a command, by its id.
type reply struct {
	ID    int
	Error *struct{ Class, Desc string }
	Event string
	Data  struct{ Device string }
}

// do runs a command and waits for its answer. Device commands are answered before the guest
// has noticed: what they are for is to be waited for.
func (m *monitor) do(command string, arguments map[string]any) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last++
	request := map[string]any{"execute": command, "id": m.last}
	if arguments != nil {
		request["arguments"] = arguments
	}
	data, err := json.Marshal(request)
	if err != nil {
		return err
	}
	if _, err := m.port.Write(append(data, '\n')); err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	for {
		var r reply
		if err := m.in.Decode(&r); err != nil {
			return fmt.Errorf("%s: %w", command, err)
		}
		switch {
		case r.Event == "DEVICE_DELETED":
			m.deleted[r.Data.Device] = true
		case r.ID != m.last:
			continue
		case r.Error != nil:
			return fmt.Errorf("%s: %s: %s", command, r.Error.Class, r.Error.Desc)
		default:
			return nil
		}
	}
}

// remove unplugs a device and waits until the guest has let it go: before, its place isn't free.
func (m *monitor) remove(id string) error {
	delete(m.deleted, id)
	if err := m.do("device_del", map[string]any{"id": id}); err != nil {
		return err
	}
	return patiently(Patience, func() error {
		// Events come with the answer to the next command, whichever that is.
		if err := m.do("query-name", nil); err != nil {
			return err
		}
		if !m.deleted[id] {
			return fmt.Errorf("the guest still holds %s", id)
		}
		return nil
	})
}

func (m *monitor) close() { m.port.Close() }
