package bond

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/bond/lease"
)

func TestParseClientID(t *testing.T) {
	for text, want := range map[string]string{
		"01:02:00:5e:10:00:01": "",
		"FF:1":                 `"FF:1" is no client identifier`,
		"ff:0A":                "",
		"none":                 "",
		"":                     "is no client identifier",
		"01":                   "has 1 bytes",
		"laptop":               "is no client identifier",
		"01:zz":                "is no client identifier",
		"01::02":               "is no client identifier",
	} {
		id, err := parseClientID(text)
		if want == "" && (err != nil || id.String() != strings.ToLower(text)) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %s, %v; want %q", text, id, err, want)
		}
	}
}

func FuzzParseClientID(f *testing.F) {
	f.Add("01:02:00:5e:10:00:01")
	f.Add("none")
	f.Fuzz(func(t *testing.T, text string) {
		id, err := parseClientID(text)
		if err != nil {
			return
		}
		if again, err := parseClientID(id.String()); err != nil || !cmp.Equal(id, again) {
			t.Errorf("%q is %s, and that is %s, %v", text, id, again, err)
		}
	})
}

// What is named goes before what was taken over, and that before the bond's own; it
// outlives the record.
func TestIdentity(t *testing.T) {
	own := lease.Identity{ClientID: []byte{255, 1}, Hostname: "box"}
	byMAC := lease.Identity{Hostname: "box", HardwareAddr: []byte{2, 0, 0, 0, 0, 1}}
	none, id := ClientID{}, ClientID{0, 'x'}
	for name, tt := range map[string]struct {
		config          Config
		otherwise, want lease.Identity
	}{
		"nothing":       {Config{}, own, own},
		"by MAC":        {Config{}, byMAC, byMAC},
		"a name":        {Config{Hostname: new("other")}, byMAC, lease.Identity{Hostname: "other", HardwareAddr: byMAC.HardwareAddr}},
		"no name":       {Config{Hostname: new("")}, own, lease.Identity{ClientID: own.ClientID}},
		"an identifier": {Config{ClientID: &id}, byMAC, lease.Identity{ClientID: id, Hostname: "box"}},
		"none":          {Config{ClientID: &none}, own, lease.Identity{Hostname: "box"}},
	} {
		text, err := json.Marshal(tt.config)
		if err != nil {
			t.Fatal(err)
		}
		var recorded Config
		if err := json.Unmarshal(text, &recorded); err != nil {
			t.Fatal(err)
		}
		for _, c := range []Config{tt.config, recorded} {
			if diff := cmp.Diff(tt.want, c.Identity(tt.otherwise)); diff != "" {
				t.Errorf("%s: (-want +got)\n%s", name, diff)
			}
		}
	}
}
