package mptcp

import (
	"net/netip"
	"testing"
)

// TestEndpoint: an endpoint is read as it was written.
func TestEndpoint(t *testing.T) {
	for _, e := range []Endpoint{
		{ID: 3, Addr: netip.MustParseAddr("192.0.2.7"), Link: 5, Subflow: true, Backup: true},
		{Addr: netip.MustParseAddr("2001:db8::7"), Subflow: true},
		{Addr: netip.MustParseAddr("192.0.2.7")},
	} {
		data, err := e.encode()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := parseEndpoint(data); err != nil || got != e {
			t.Errorf("%+v (%v), want %+v", got, err, e)
		}
	}
}

func FuzzParseEndpoint(f *testing.F) {
	data, err := Endpoint{ID: 3, Addr: netip.MustParseAddr("192.0.2.7"), Link: 5, Subflow: true}.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = parseEndpoint(data) })
}
