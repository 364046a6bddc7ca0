package bond

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// rfkillDevice tells of what blocks radios (linux/rfkill.h). It is there once
// rfkill is loaded, which the first Wi-Fi driver may do long after the boot. It
// is the machine's: a network namespace has none of its own.
const rfkillDevice = "/dev/rfkill"

// An rfkillListener reads rfkill's events. Netlink tells nothing of a radio that was
// unblocked, for that doesn't set its interface up.
type rfkillListener struct {
	mu    sync.Mutex
	file  *os.File // nil: it isn't open
	ended bool
}

// open opens the device, once, and gives it to run. Where there is no device yet there
// is nothing to miss: a driver registers its switch before its link, so the caller
// calls again when a link appears.
func (l *rfkillListener) open(run func(*os.File)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil || l.ended {
		return
	}
	// Not blocking, so that Go's poller waits for it.
	file, err := os.OpenFile(rfkillDevice, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err == nil {
		l.file = file
		run(file)
	}
}

// close closes the device, for good.
func (l *rfkillListener) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	if l.file != nil {
		l.file.Close()
	}
}

// What struct rfkill_event (linux/rfkill.h) begins with: idx, 4 bytes; type; op.
const (
	rfkillType = 4
	rfkillOp   = 5
	rfkillSize = 8 // and soft, hard; later kernels append to it

	rfkillTypeWLAN = 1 // RFKILL_TYPE_WLAN
	rfkillOpChange = 2 // RFKILL_OP_CHANGE
)

// isBlocking says whether a message of rfkill tells of a Wi-Fi switch that was turned.
// New switches don't count: the kernel tells of all that there are when the device is
// opened, and a later one comes with a link.
func isBlocking(message []byte) bool {
	return len(message) >= rfkillSize && message[rfkillType] == rfkillTypeWLAN && message[rfkillOp] == rfkillOpChange
}
