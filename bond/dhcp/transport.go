package dhcp

import (
	"net"
	"net/netip"
	"sync"
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

// receive passes on what comes in until the transport fails; then failed has an
// item. It closes the transport and waits for its goroutine when stop is called.
func receive(t Transport) (messages <-chan []byte, failed <-chan error, stop func()) {
	in, end, done := make(chan []byte), make(chan error, 1), make(chan struct{})
	var receiving sync.WaitGroup
	receiving.Go(func() {
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
	})
	return in, end, func() {
		close(done)
		t.Close()
		receiving.Wait()
	}
}
