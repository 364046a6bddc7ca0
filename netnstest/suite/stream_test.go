package suite

import (
	"errors"
	"testing"
	"time"

	"github.com/bondctl/bondctl/netnstest"
)

// TestStream: a stream outlives a pulled cable, and breaks when the host's end is killed.
func TestStream(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	eth0 := h.Cable("eth0")
	linkUp(t, h, "eth0")
	addAddress(t, h, "192.0.2.10/24", "eth0")
	whole, broken := h.Stream(), h.Stream()
	netnstest.Eventually(t, whole.Moved)
	netnstest.Eventually(t, broken.Moved)
	eth0.Pull()
	netnstest.Eventually(t, h.Carrier("eth0", false))
	time.Sleep(time.Second) // that long it is pulled
	eth0.Plug()
	netnstest.Eventually(t, whole.Moved)
	r := whole.Stop()
	t.Log(r)
	if r.Err != nil || r.Longest < time.Second {
		t.Errorf("with a cable that was pulled for a second: %v", r)
	}

	netnstest.Eventually(t, broken.Moved)
	h.Run("ss", "--kill", "state", "established", "dst", netnstest.LANAddr)
	netnstest.Eventually(t, func() error {
		if broken.Result().Err == nil {
			return errors.New("it isn't broken")
		}
		return nil
	})
	t.Log(broken.Stop())
}
