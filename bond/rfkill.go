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

// rfkillListener wakes by rfkill's events. Netlink has nothing of an unblocked
// radio, for nothing sets its interface up.
type rfkillListener struct {
	mu    sync.Mutex
	file  *os.File // nil: it isn't open
	ended bool
}

// open has run read the device, unless that is being done. Where there is none
// yet nobody is to be told of, and whoever calls again when a link appears
// misses nothing: a driver registers its switch before its link.
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

// close ends it for good.
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

// isBlocking says whether a message of rfkill is of a Wi-Fi switch that was
// turned. Switches that come are none: the kernel tells of all that there are
// when the device is opened, and of others a link follows.
func isBlocking(message []byte) bool {
	return len(message) >= rfkillSize && message[rfkillType] == rfkillTypeWLAN && message[rfkillOp] == rfkillOpChange
}
