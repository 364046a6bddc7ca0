package probe

import (
	"net"
	"net/netip"
	"testing"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

func TestEchoAnswer(t *testing.T) {
	gateway6 := netip.MustParseAddr("2001:db8::1")
	for _, tt := range []struct {
		name   string
		addr   netip.Addr
		from   string
		kind   icmp.Type
		change func(body *icmp.Echo)
		want   bool
	}{
		{"answer", gateway, "192.0.2.1", ipv4.ICMPTypeEchoReply, func(*icmp.Echo) {}, true},
		{"to an earlier question", gateway, "192.0.2.1", ipv4.ICMPTypeEchoReply, func(b *icmp.Echo) { b.Seq = 0 }, true},
		{"somebody else's", gateway, "192.0.2.2", ipv4.ICMPTypeEchoReply, func(*icmp.Echo) {}, false},
		{"to somebody else", gateway, "192.0.2.1", ipv4.ICMPTypeEchoReply, func(b *icmp.Echo) { b.ID++ }, false},
		{"guessed", gateway, "192.0.2.1", ipv4.ICMPTypeEchoReply, func(b *icmp.Echo) { b.Data[0]++ }, false},
		{"short", gateway, "192.0.2.1", ipv4.ICMPTypeEchoReply, func(b *icmp.Echo) { b.Data = b.Data[1:] }, false},
		{"a question", gateway, "192.0.2.1", ipv4.ICMPTypeEcho, func(*icmp.Echo) {}, false},
		{"IPv6", gateway6, "2001:db8::1", ipv6.ICMPTypeEchoReply, func(*icmp.Echo) {}, true},
		{"IPv6, somebody else's", gateway6, "2001:db8::2", ipv6.ICMPTypeEchoReply, func(*icmp.Echo) {}, false},
		{"IPv6, a question", gateway6, "2001:db8::1", ipv6.ICMPTypeEchoRequest, func(*icmp.Echo) {}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := newEcho(tt.addr)
			body := icmp.Echo{ID: e.id, Seq: 2, Data: append([]byte(nil), e.data...)}
			tt.change(&body)
			message, err := (&icmp.Message{Type: tt.kind, Body: &body}).Marshal(nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := e.isAnswer(message, net.ParseIP(tt.from)); got != tt.want {
				t.Errorf("got %t, want %t", got, tt.want)
			}
			if e.isAnswer(message[:5], net.ParseIP(tt.from)) || e.isAnswer(nil, net.ParseIP(tt.from)) {
				t.Error("a part of it is taken for an answer")
			}
		})
	}
}

func TestEchoSource(t *testing.T) {
	for _, tt := range []struct{ own, addr, want string }{
		{"192.0.2.50", "192.0.2.1", "192.0.2.50"},
		{"2001:db8::50", "2001:db8::1", "2001:db8::50"},
		{"2001:db8::50", "192.0.2.1", ""},
		{"192.0.2.50", "2001:db8::1", ""},
		{"2001:db8::50", "fe80::1", ""},
		{"fe80::50", "2001:db8::1", ""},
		{"", "192.0.2.1", ""},
		{"", "2001:db8::1", ""},
	} {
		var own, want netip.Addr
		if tt.own != "" {
			own = netip.MustParseAddr(tt.own)
		}
		if tt.want != "" {
			want = netip.MustParseAddr(tt.want)
		}
		if got := echoSource(own, netip.MustParseAddr(tt.addr)); got != want {
			t.Errorf("from %s to %s: %s, want %s", tt.own, tt.addr, got, want)
		}
	}
}

// No message of others makes it fail.
func FuzzEcho(f *testing.F) {
	e := newEcho(gateway)
	request, err := e.request(1)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(request)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if e.isAnswer(b, net.IP(gateway.AsSlice())) {
			t.Errorf("%x is taken for the answer", b)
		}
	})
}
