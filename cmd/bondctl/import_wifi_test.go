package main

import (
	"bytes"
	"testing"

	"github.com/urfave/cli/v2"
)

func TestImportWiFi(t *testing.T) {
	var stdout, stderr bytes.Buffer
	app := newApp(&output{Writer: &stdout}, &stderr)
	app.Commands, app.Action = nil, func(c *cli.Context) error { return importWiFi(c, "", "nosuch0") }
	if err := app.Run([]string{"bondctl"}); err != nil {
		t.Fatal(err)
	}
	if want := "update_config=1\nmac_addr=0\npreassoc_mac_addr=0\n"; stdout.String() != want || stderr.String() != "" {
		t.Errorf("got %q and %q", stdout.String(), stderr.String())
	}
}
