package rtnl

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

func TestEnded(t *testing.T) {
	refused := make([]byte, 4+unix.SizeofNlMsghdr) // and the header of the request
	hostOrder.PutUint32(refused, ^uint32(unix.EINVAL)+1)
	explained := text(unix.NLMSGERR_ATTR_MSG, "no such mode")
	for _, tt := range []struct {
		name        string
		kind, flags uint16
		body        []byte
		want        string
	}{
		{"done", unix.NLMSG_ERROR, 0, make([]byte, 20), ""},
		{"the end of a list", unix.NLMSG_DONE, 0, make([]byte, 4), ""},
		{"the end of a list without an errno", unix.NLMSG_DONE, 0, nil, ""},
		{"refused", unix.NLMSG_ERROR, 0, refused, "invalid argument"},
		{"refused, and why", unix.NLMSG_ERROR, unix.NLM_F_ACK_TLVS, attrs(refused, explained), "invalid argument: no such mode"},
		{"refused without a word", unix.NLMSG_ERROR, unix.NLM_F_ACK_TLVS, refused, "invalid argument"},
		{"a list that failed, and why", unix.NLMSG_DONE, unix.NLM_F_ACK_TLVS, attrs(refused[:4:4], explained), "invalid argument: no such mode"},
		{"cut short", unix.NLMSG_ERROR, unix.NLM_F_ACK_TLVS, attrs(refused, explained[:9]), "invalid argument"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := ended(header{kind: tt.kind, flags: tt.flags}, tt.body)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != tt.want || tt.want != "" && !errors.Is(err, unix.EINVAL) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
