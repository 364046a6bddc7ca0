package bond

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// keyTexts are texts of which each key takes one at least.
var keyTexts = []string{
	"eth0", "wl*", "wifi", "cdc_ether", "/etc/wpa.conf", "02:00:5e:10:00:01", "stable",
	"0", "1", "1500", "100ms", "4s", "true", "false",
	"192.0.2.0/24", "::/0", "0x1/0xff", "main", "example.org",
	"192.0.2.1", "2001:db8::1", "192.0.2.10/24", "2001:db8::10/64",
	"auto", "none", "dhcp", "all", "any", "better", "active", "gateway", "cold", "routes",
}

// partOf is what a key is set in: a configuration, or an element of it.
func partOf(c *Config, k Key) any {
	for table := tableOf(k.Name); table != ""; table = tableOf(table) {
		t, _ := findKey(table)
		switch {
		case t.element != nil && len(t.elements(c)) > 0:
			return t.elements(c)[0]
		case t.element != nil:
			return t.element()
		}
	}
	return c
}

// TestKeys has each key take a value, so that the other tests know of it.
func TestKeys(t *testing.T) {
	for _, k := range Keys() {
		if k.element != nil && k.Flag == "" {
			continue // its own keys take something
		}
		t.Run(k.Name, func(t *testing.T) {
			taken := 0
			for _, text := range keyTexts {
				if k.element != nil && k.element().parse(text) == nil || k.set != nil && k.set(partOf(&Config{}, k), text) == nil {
					taken++
				}
			}
			if taken == 0 {
				t.Error("it takes none of keyTexts; add one that it takes")
			}
			if found, ok := findKey(k.Flag); k.Flag != "" && (!ok || found.Flag != k.Flag) {
				t.Errorf("there is no flag %s", k.Flag)
			}
		})
	}
}

// FuzzKeys has what a key has taken be written as it was read, and what it
// refuses leave nothing behind.
func FuzzKeys(f *testing.F) {
	for i := range keys {
		for _, text := range keyTexts {
			f.Add(i, text)
		}
	}
	f.Fuzz(func(t *testing.T, i int, text string) {
		if i < 0 || i >= len(keys) || keys[i].set == nil {
			return
		}
		k := keys[i]
		set, again := partOf(&Config{}, k), partOf(&Config{}, k)
		err := k.set(set, text)
		if err == nil && k.get == nil {
			return // another key writes it
		}
		if err == nil {
			if value := k.get(set); value != nil {
				texts, err := k.texts(value)
				if err != nil || k.set(again, texts[0]) != nil {
					t.Errorf("%s: %q is written as %v: %v", k.Name, text, value, err)
				}
			}
		}
		if diff := cmp.Diff(set, again, byValue); diff != "" {
			t.Errorf("%s: %q, %v (-read +read again):\n%s", k.Name, text, err, diff)
		}
	})
}
