package dhcp

import (
	"net"
	"net/netip"
)

// Transport carries DHCP messages over one interface, between a client's port 68
// and servers' port 67. [Listen] gives the real one.
type Transport interface {
	// HardwareAddr is the address that the interface has now.
	HardwareAddr() (net.HardwareAddr, error)
	// Send sends a message to a server, from the interface's address. The zero
	// Addr stands for 0.0.0.0 as from and for all servers as to.
	Send(message []byte, from, to netip.Addr) error
	// Receive waits for a message. It fails when the transport is closed.
	Receive() ([]byte, error)
	Close() error
}

// receive passes on what comes in until the transport is closed or fails; then
// failed has an item, and done ends it in any case.
func receive(t Transport, done <-chan struct{}) (messages <-chan []byte, failed <-chan error) {
	in, end := make(chan []byte), make(chan error, 1)
	go func() {
		for {
			message, err := t.Receive()
			if err != nil {
				end <- err
				return
			}
			select {
			case in <- message:
			case <-done:
				return
			}
		}
	}()
	return in, end
}
