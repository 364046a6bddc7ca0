package manager

import (
	"os"
	"path/filepath"
	"testing"
)

// TestKernelIPv6: what a manager has switched off is as on new links; what somebody has chosen stays.
func TestKernelIPv6(t *testing.T) {
	conf := t.TempDir()
	set := func(link, acceptRA, addrGenMode string) {
		for key, value := range map[string]string{"accept_ra": acceptRA, "addr_gen_mode": addrGenMode} {
			if err := os.MkdirAll(filepath.Join(conf, link), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(conf, link, key), []byte(value+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	set("default", "1", "0")
	for _, tt := range []struct{ acceptRA, addrGenMode, wantRA, wantMode string }{
		{"0", "1", "1", "0"},
		{"2", "3", "2", "3"},
	} {
		set("eth0", tt.acceptRA, tt.addrGenMode)
		if err := kernelIPv6(conf, "eth0"); err != nil {
			t.Fatal(err)
		}
		for key, want := range map[string]string{"accept_ra": tt.wantRA, "addr_gen_mode": tt.wantMode} {
			if got, _ := os.ReadFile(filepath.Join(conf, "eth0", key)); string(got) != want+"\n" {
				t.Errorf("%s is %q, want %q", key, got, want)
			}
		}
	}
	if err := kernelIPv6(conf, "eth9"); err != nil {
		t.Errorf("without IPv6: %v", err)
	}
}
