package keeper

import (
	"bytes"
	"net"
	"sync/atomic"

	"github.com/bondctl/bondctl/bond"
)

// ownMACs are those of this machine's links. A look replaces them while a job that
// listens asks for them.
type ownMACs struct {
	list atomic.Pointer[[]bond.HardwareAddr]
}

func (o *ownMACs) set(list []bond.HardwareAddr) { o.list.Store(&list) }

func (o *ownMACs) has(mac net.HardwareAddr) bool {
	list := o.list.Load()
	if list == nil {
		return false
	}
	for _, own := range *list {
		if bytes.Equal(own, mac) {
			return true
		}
	}
	return false
}
