package main

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"

	"github.com/bondctl/bondctl/bond/known"
)

// TestWriteNetworks: networks go to stdout, and what is left out to stderr and into the exit
// status.
func TestWriteNetworks(t *testing.T) {
	const preamble = "update_config=1\nmac_addr=0\npreassoc_mac_addr=0\n"
	lab := known.Network{SSID: []byte("lab"), Security: known.Open}
	for _, tt := range []struct {
		name           string
		networks       []known.Network
		missing        []known.Missing
		stdout, stderr string
		failed         bool
	}{
		{"one", []known.Network{lab}, nil, preamble + "\nnetwork={\n\tssid=6c6162\n\tkey_mgmt=NONE\n}\n", "", false},
		{"one that can't be had", nil, []known.Missing{{Name: "ho\x1bme", Source: "/etc/home", Reason: "no psk"}}, preamble,
			"bondctl: warning: ho\\x1bme (/etc/home) is left out: no psk\n", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			app := newApp(&output{Writer: &stdout}, &stderr)
			app.Commands, app.Action = nil, func(c *cli.Context) error { return writeNetworks(c, "", tt.networks, tt.missing) }
			err := app.Run([]string{"bondctl"})
			if status, ok := errors.AsType[exitError](err); ok != tt.failed || ok && status != exitFailed || !ok && err != nil {
				t.Errorf("error %v", err)
			}
			if diff := cmp.Diff(tt.stdout, stdout.String()); diff != "" {
				t.Errorf("stdout (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.stderr, stderr.String()); diff != "" {
				t.Errorf("stderr (-want +got):\n%s", diff)
			}
		})
	}
}

// Of no network at all nothing is written.
func TestWriteNoNetworks(t *testing.T) {
	file := filepath.Join(t.TempDir(), "wpa.conf")
	app := newApp(&output{Writer: io.Discard}, io.Discard)
	app.Commands, app.Action = nil, func(c *cli.Context) error { return writeNetworks(c, file, nil, nil) }
	if err := app.Run([]string{"bondctl"}); err == nil || !strings.Contains(err.Error(), "nothing is written") {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file: %v", err)
	}
}
