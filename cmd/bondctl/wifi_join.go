package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/bondctl/bondctl/bond/known"
	"github.com/bondctl/bondctl/bond/supplicant"
)

// join has the member join a network.
func (w *wifiWork) join() error {
	j := supplicant.Joining{SSID: []byte(w.ssid)}
	if w.c.IsSet("priority") {
		n, err := strconv.ParseInt(w.c.String("priority"), 10, 32)
		if err != nil {
			return usage(fmt.Sprintf("--priority: %q is not a whole number", w.c.String("priority")), wifiHelp)
		}
		j.Priority = new(int(n))
	}
	if w.c.Bool("open") && w.c.IsSet("key-file") {
		return usage("--open and --key-file exclude each other; leave one of them out", wifiHelp)
	}
	ctx, cancel := context.WithTimeout(w.c.Context, w.wait+defaultScanTime)
	defer cancel()
	n, err := w.newNetwork(ctx)
	if err != nil {
		return err
	}
	if n != nil {
		for _, f := range n.Fields() {
			j.Settings = append(j.Settings, supplicant.Setting(f))
		}
	}
	if w.wait == 0 {
		if err := w.saved(w.Add(ctx, j)); err != nil {
			return err
		}
		fmt.Fprintf(w.c.App.Writer, "%s: %s is known\n", w.Interface, printable(w.ssid))
		return nil
	}
	ctx, cancel = context.WithTimeout(w.c.Context, w.wait)
	defer cancel()
	if err := w.saved(w.Join(ctx, j)); err != nil {
		return err
	}
	fmt.Fprintf(w.c.App.Writer, "%s: joined %s\n", w.Interface, printable(w.ssid))
	return nil
}

// saved makes a warning of a change that isn't lasting.
func (w *wifiWork) saved(err error) error {
	if e, ok := errors.AsType[*supplicant.NotSavedError](err); ok {
		warn(w.c, "%v; %s", e, e.Hint())
		return nil
	}
	if e, ok := errors.AsType[*supplicant.JoinError](err); ok {
		return &hintError{e, joinHint}
	}
	return err
}

const joinHint = "the known networks are as they were; bondctl wifi scan shows what is in range, and --wait 0 joins what isn't yet"

// newNetwork is the network that is to be joined; nil where it is known, and nothing new
// is said of it.
func (w *wifiWork) newNetwork(ctx context.Context) (*known.Network, error) {
	networks, err := w.Networks(ctx)
	if err != nil {
		return nil, err
	}
	isKnown := slices.ContainsFunc(networks, func(n supplicant.Network) bool { return string(n.SSID) == w.ssid })
	if isKnown && !w.c.IsSet("key-file") && !w.c.Bool("open") && !w.c.Bool("hidden") {
		return nil, nil
	}
	points, err := w.look(ctx)
	if err != nil {
		return nil, err
	}
	n := known.Network{SSID: []byte(w.ssid), Hidden: w.c.Bool("hidden")}
	if n.Security, err = security(w.ssid, points, w.c.Bool("open")); err != nil {
		return nil, err
	}
	if !w.c.Bool("open") {
		key, err := w.key()
		if err != nil {
			return nil, err
		}
		n.Key = known.Secret(key)
		if size := len(key); n.Security == known.WPA && (size < 8 || size > 64) {
			n.Security = known.SAE // only WPA3 takes such a passphrase
		}
	}
	if err := n.Check(); err != nil {
		return nil, fmt.Errorf("join %s: %w", w.ssid, err)
	}
	return &n, nil
}

// look finds the network's access points. None are no error: it may be hidden.
func (w *wifiWork) look(ctx context.Context) ([]supplicant.AccessPoint, error) {
	if w.wait == 0 {
		return nil, nil
	}
	points, err := w.Scan(ctx)
	return slices.DeleteFunc(points, func(p supplicant.AccessPoint) bool { return string(p.SSID) != w.ssid }), err
}

// defaultScanTime is how long a scan may take beside the wait for the connection.
const defaultScanTime = 15 * time.Second

// security is how a network lets somebody in, by what its access points say.
func security(ssid string, points []supplicant.AccessPoint, open bool) (known.Security, error) {
	any := func(is func(supplicant.AccessPoint) bool) bool { return slices.ContainsFunc(points, is) }
	owe := any(func(p supplicant.AccessPoint) bool { return p.OWE })
	psk := any(func(p supplicant.AccessPoint) bool { return p.PSK })
	sae := any(func(p supplicant.AccessPoint) bool { return p.SAE })
	free := any(supplicant.AccessPoint.Open)
	switch {
	case len(points) > 0 && !free && !psk && !sae:
		return "", &hintError{fmt.Errorf("join %s: it wants more than a passphrase (%s)", ssid, points[0].Security()),
			"such a network is written in the member's wpa_conf by hand, or taken from NetworkManager or iwd by bondctl import --wifi"}
	case len(points) > 0 && open && !free:
		return "", fmt.Errorf("join %s: it wants a passphrase; leave --open out", ssid)
	case len(points) > 0 && !open && !psk && !sae:
		return "", fmt.Errorf("join %s: it has no passphrase; --open joins it all the same", ssid)
	case open && owe:
		return known.OWE, nil
	case open:
		return known.Open, nil
	case sae && !psk:
		return known.SAE, nil
	}
	return known.WPA, nil
}

// longestKey bounds what is read of a file.
const longestKey = 1 << 10

// key reads the passphrase: from a file, from the terminal, or from whatever stdin is.
// It never stands among the arguments, where everybody could read it.
func (w *wifiWork) key() (string, error) {
	from := io.Reader(os.Stdin)
	stdin := int(os.Stdin.Fd())
	switch path := w.c.String("key-file"); {
	case path != "" && path != "-":
		file, err := os.Open(path)
		if err != nil {
			return "", err
		}
		defer file.Close()
		from = file
	case term.IsTerminal(stdin):
		fmt.Fprintf(w.c.App.ErrWriter, "passphrase of %s: ", printable(w.ssid))
		key, err := readPassword(w.c.Context, stdin)
		fmt.Fprintln(w.c.App.ErrWriter)
		return string(key), err
	}
	return firstLine(from)
}

// readPassword reads a line from a terminal, which doesn't show it. If the context ends
// first, the terminal shows again what is typed.
func readPassword(ctx context.Context, fd int) ([]byte, error) {
	was, err := term.GetState(fd)
	if err != nil {
		return nil, err
	}
	type line struct {
		text []byte
		err  error
	}
	read := make(chan line, 1)
	go func() {
		text, err := term.ReadPassword(fd)
		read <- line{text, err}
	}()
	select {
	case l := <-read:
		return l.text, l.err
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), term.Restore(fd, was))
	}
}

// firstLine reads a passphrase: a line without its end.
func firstLine(from io.Reader) (string, error) {
	text, err := io.ReadAll(io.LimitReader(from, longestKey))
	if err != nil {
		return "", err
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	key := strings.TrimSuffix(string(line), "\r")
	if key == "" {
		return "", usage("there is no passphrase; write it to stdin or to the file of --key-file, or say --open", wifiHelp)
	}
	return key, nil
}

// forget removes a network.
func (w *wifiWork) forget() error {
	n, err := w.Forget(w.c.Context, []byte(w.ssid))
	if err := w.saved(err); err != nil {
		return err
	}
	if n == 0 {
		fmt.Fprintf(w.c.App.Writer, "%s doesn't know %s\n", w.Interface, printable(w.ssid))
		return nil
	}
	fmt.Fprintf(w.c.App.Writer, "%s: %s is forgotten\n", w.Interface, printable(w.ssid))
	return nil
}
