package rtnl

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestDefaultRoute6(t *testing.T) {
	for _, tt := range []struct {
		kind           uint16
		family, length byte
		want           bool
	}{
		{unix.RTM_NEWROUTE, unix.AF_INET6, 0, true},
		{unix.RTM_DELROUTE, unix.AF_INET6, 0, true},
		{unix.RTM_NEWROUTE, unix.AF_INET6, 64, false},
		{unix.RTM_NEWROUTE, unix.AF_INET, 0, false},
		{unix.RTM_NEWADDR, unix.AF_INET6, 0, false},
	} {
		body := make([]byte, unix.SizeofRtMsg)
		body[0], body[1] = tt.family, tt.length
		if got := (Message{tt.kind, body}).DefaultRoute6(); got != tt.want {
			t.Errorf("%+v: %t", tt, got)
		}
		if (Message{tt.kind, body[:1]}).DefaultRoute6() {
			t.Errorf("%+v, cut off, is one", tt)
		}
	}
}
