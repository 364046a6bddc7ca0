package main

import (
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/bondctl/bondctl/bond"
)

// startsRecorded says whether a keeper starts with what is recorded and not
// with the file: so it does after an up, which has just recorded what is
// wanted, and where flags had a part in it. They must not be lost when a keeper
// ends and another one takes over. A file that is broken by then leaves the
// record in force; the keeper logs it.
func startsRecorded(c *cli.Context, h *bond.Host, name string, file func() (*bond.Config, error)) (bool, error) {
	recorded, err := h.Recorded(name)
	if err != nil {
		return false, err
	}
	source, err := h.RecordedSource(name)
	if err != nil {
		return false, err
	}
	if c.Bool(readyFlag) {
		return true, nil
	}
	if recorded != nil && !c.IsSet("config") {
		return source.Flags, nil
	}
	config, err := file()
	if config == nil && err == nil {
		_, err = recordedConfig(h, name) // which says what is missing
	}
	return false, err
}

// readWish reads the file: the one that --config names, or that the last up
// read, or the usual one.
func readWish(c *cli.Context, h *bond.Host, name string) (*bond.Config, error) {
	path, named := configPath(c, name)
	if !named {
		source, err := h.RecordedSource(name)
		if err != nil {
			return nil, err
		}
		if source.File != "" {
			path, named = source.File, true
		}
	}
	config, err := fileConfig(name, path, named)
	if err != nil {
		return nil, err
	}
	h.Source.File, err = filepath.Abs(path)
	return config, err
}
