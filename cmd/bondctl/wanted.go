package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/bondctl/bondctl/bond"
)

// configDir has the configuration files, each named after its bond.
const configDir = "/etc/bondctl"

// namedConfig is what the file and the flags say; nil when there is neither.
func namedConfig(c *cli.Context, name string) (*bond.Wanted, error) {
	path, named := configPath(c, name)
	file, err := fileSettings(path, named)
	if err != nil {
		return nil, err
	}
	flags := flagSettings(c)
	if file == nil && flags == nil {
		return nil, nil
	}
	source := bond.Source{Flags: flags != nil}
	if file != nil {
		// A keeper reads it again, and works in another folder.
		if source.File, err = filepath.Abs(path); err != nil {
			return nil, err
		}
	}
	config, err := newConfig(name, file, flags)
	return &bond.Wanted{Config: config, Source: source}, err
}

// newConfig is [bond.NewConfig], and checks that the files exist that the
// configuration names. A keeper doesn't check: it goes on without them for a while.
func newConfig(name string, layers ...[]bond.Setting) (bond.Config, error) {
	config, err := bond.NewConfig(name, layers...)
	for _, s := range slices.Concat(layers...) {
		keys, _ := s.Value.([]bond.Setting) // of a member
		for _, key := range keys {
			file, _ := key.Value.(string)
			used := err != nil || slices.ContainsFunc(config.Members, func(m bond.Member) bool { return m.WPAConf == file })
			if key.Key != "member.wpa_conf" || !filepath.IsAbs(file) || !used {
				continue
			}
			if _, missing := os.Stat(file); missing != nil {
				err = errors.Join(err, wrong(key.Key, key.Where, "%s: %v", file, errors.Unwrap(missing)))
			}
		}
	}
	return config, err
}

// wrong is one thing that is wrong in a configuration.
func wrong(key, where, format string, args ...any) error {
	return &bond.ConfigError{Problems: []bond.Problem{{Key: key, Where: where, Message: bond.Messagef(format, args...)}}}
}

// fileConfig is what a file alone says; nil when there is none and none needs
// to be there.
func fileConfig(name, path string, named bool) (*bond.Config, error) {
	settings, err := fileSettings(path, named)
	if settings == nil || err != nil {
		return nil, err
	}
	config, err := bond.NewConfig(name, settings)
	return &config, err
}

// recordedConfig is what was last wanted.
func recordedConfig(h *bond.Host, name string) (*bond.Wanted, error) {
	wanted, err := h.Recorded(name)
	if wanted == nil && err == nil {
		err = usage(
			fmt.Sprintf("nothing says what is wanted of %s: no flag, no %s, and no up before", name, configFile(name)),
			fmt.Sprintf("bondctl up %s --primary eth0 --member eth0 --member wlan0", name))
	}
	return wanted, err
}

// configFile is where a bond's configuration is looked for.
func configFile(name string) string { return filepath.Join(configDir, name+".toml") }

// configPath is the configuration file that --config names, or else the usual
// one, which needn't be there.
func configPath(c *cli.Context, name string) (path string, named bool) {
	if c.IsSet("config") {
		return c.String("config"), true
	}
	return configFile(name), false
}

// fileSettings reads a configuration file; nil when there is none and none
// needs to be there.
func fileSettings(path string, named bool) ([]bond.Setting, error) {
	where := path
	if named {
		where = fmt.Sprintf("--config: %q", path)
	}
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !named:
		return nil, nil
	case err != nil:
		return nil, wrong("", where, "%v", errors.Unwrap(err))
	}
	settings, err := bond.ParseTOML(printable(path), text)
	if settings == nil && err == nil {
		settings = []bond.Setting{} // empty, but there
	}
	return settings, err
}

// checkKeepersWork refuses with --once what only a keeper can do.
func checkKeepersWork(c *cli.Context, config bond.Config) error {
	once := func(what string) error {
		return usage(fmt.Sprintf("--once: %s is the keeper's work, and --once leaves none; leave one of them out", what), "bondctl up --help")
	}
	if c.Bool("once") && config.Method == bond.MethodDHCP {
		return once("DHCP")
	}
	for _, m := range config.Members {
		if c.Bool("once") && m.WPAConf != "" {
			return once("wpa_conf of " + m.String())
		}
		if c.Bool("once") && m.IPv4.Method == bond.MethodDHCP {
			return once("DHCP of " + m.String())
		}
	}
	return nil
}

// startsRecorded says whether a keeper starts with the record and not with the file.
// It does when up starts it, for up has just recorded what is wanted. It does, too,
// where flags had a part in the record: they must not be lost when another keeper
// takes over. A file that is broken by then leaves the record in force, and the keeper
// logs it.
func startsRecorded(c *cli.Context, h *bond.Host, name string, file func() (*bond.Wanted, error)) (bool, error) {
	recorded, err := h.Recorded(name)
	if err != nil {
		return false, err
	}
	if c.Bool(readyFlag) {
		return true, nil
	}
	if recorded != nil && !c.IsSet("config") {
		return recorded.Source.Flags, nil
	}
	wanted, err := file()
	if wanted == nil && err == nil {
		_, err = recordedConfig(h, name) // which says what is missing
	}
	return false, err
}

// readWanted reads the file: the one that --config names, or that the last up read, or
// the usual one. Wi-Fi goes on with the networks that up --take-over has carried over.
func readWanted(c *cli.Context, h *bond.Host, name string) (*bond.Wanted, error) {
	path, named := configPath(c, name)
	if !named {
		recorded, err := h.Recorded(name)
		if err != nil {
			return nil, err
		}
		if recorded != nil && recorded.Source.File != "" {
			path, named = recorded.Source.File, true
		}
	}
	config, err := fileConfig(name, path, named)
	if config == nil || err != nil {
		return nil, err
	}
	if _, err := carryWiFi(c, h, config); err != nil {
		return nil, err
	}
	path, err = filepath.Abs(path)
	return &bond.Wanted{Config: *config, Source: bond.Source{File: path}}, err
}
