package supplicant

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A Client asks the wpa_supplicant that a [Supplicant.Run] on Dir keeps, and tells it of
// networks. That takes no Run of its own, and disturbs none: it may be another process.
type Client struct {
	Interface string
	Dir       string
}

// Network is a network that wpa_supplicant knows.
type Network struct {
	ID       int
	SSID     []byte
	KeyMgmt  string // as in wpa_supplicant.conf(5)
	Priority int
	Current  bool // it is connected to, or is being so
	Disabled bool // it isn't joined by itself
	Failing  bool // it failed, and is left alone for a while
}

// A Setting is a line of a network's block in a wpa_supplicant.conf(5).
type Setting struct{ Name, Value string }

// ErrNotRunning is returned when there is no wpa_supplicant to ask.
var ErrNotRunning = errors.New("wpa_supplicant isn't running")

// NotSavedError says that what was changed holds until wpa_supplicant ends.
type NotSavedError struct{ Config string }

func (e *NotSavedError) Error() string {
	return fmt.Sprintf("it holds until wpa_supplicant ends, for that can't write %s", e.Config)
}

// Hint says what would let it.
func (e *NotSavedError) Hint() string {
	return "a line update_config=1 in " + e.Config + " lets it, once it has read that again"
}

// clientName is what the monitors of clients are called.
const clientName = "client"

// command has wpa_supplicant do something, and returns its answer. One that begins with
// FAIL is no error.
func (c Client) command(ctx context.Context, format string, args ...any) (string, error) {
	answer, _, err := ask(ctx, control(c.Dir), "IFNAME="+c.Interface+" "+fmt.Sprintf(format, args...))
	verb, _, _ := strings.Cut(format, " ")
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ECONNREFUSED):
		return "", fmt.Errorf("ask for %s: %w", c.Interface, ErrNotRunning)
	case err != nil:
		return "", fmt.Errorf("ask wpa_supplicant for %s: %w", verb, err)
	}
	return answer, nil
}

// do is command for what is answered by OK.
func (c Client) do(ctx context.Context, what, format string, args ...any) error {
	answer, err := c.command(ctx, format, args...)
	if err == nil && !strings.HasPrefix(answer, "OK") {
		err = fmt.Errorf("wpa_supplicant refuses to %s", what)
	}
	return err
}

// Disconnect has the interface leave its network, and look for none, until Reconnect.
func (c Client) Disconnect(ctx context.Context) error { return c.do(ctx, "disconnect", "DISCONNECT") }

// Reconnect has the interface look for a network again after Disconnect.
func (c Client) Reconnect(ctx context.Context) error { return c.do(ctx, "connect", "RECONNECT") }

// Networks lists the networks that wpa_supplicant knows.
func (c Client) Networks(ctx context.Context) ([]Network, error) {
	var all []Network
	for question := "LIST_NETWORKS"; ; {
		answer, err := c.command(ctx, "%s", question)
		if err != nil {
			return nil, err
		}
		page := networks(answer)
		for _, n := range page {
			id, err := strconv.Atoi(n.id)
			if err != nil {
				return nil, fmt.Errorf("wpa_supplicant lists a network %q", printable(n.id))
			}
			has := func(flag string) bool { return strings.Contains(n.flags, "["+flag+"]") }
			all = append(all, Network{ID: id, SSID: []byte(decoded(n.ssid)), Current: has("CURRENT"), Disabled: has("DISABLED"), Failing: has("TEMP-DISABLED")})
		}
		if len(page) == 0 {
			break
		}
		// An answer has as many as fit.
		question = "LIST_NETWORKS LAST_ID=" + page[len(page)-1].id
	}
	for i := range all {
		if err := c.complete(ctx, &all[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (c Client) complete(ctx context.Context, n *Network) (err error) {
	if n.KeyMgmt, err = c.command(ctx, "GET_NETWORK %d key_mgmt", n.ID); err != nil {
		return err
	}
	text, err := c.command(ctx, "GET_NETWORK %d priority", n.ID)
	n.Priority, _ = strconv.Atoi(text) // or it has been removed since
	return err
}

// Forget removes every network of a name, and returns how many there were. It may return
// a *[NotSavedError] with that.
func (c Client) Forget(ctx context.Context, ssid []byte) (int, error) {
	known, err := c.Networks(ctx)
	if err != nil {
		return 0, err
	}
	known = slices.DeleteFunc(known, func(n Network) bool { return string(n.SSID) != string(ssid) })
	for _, n := range known {
		if err := c.do(ctx, "forget a network", "REMOVE_NETWORK %d", n.ID); err != nil {
			return 0, err
		}
	}
	if len(known) == 0 {
		return 0, nil
	}
	return len(known), errors.Join(c.reassociate(ctx), c.save(ctx))
}

// reassociate has wpa_supplicant look for a network at once if it has none.
func (c Client) reassociate(ctx context.Context) error {
	text, err := c.command(ctx, "STATUS")
	if err != nil || status(text)["wpa_state"] == "COMPLETED" {
		return err
	}
	return c.do(ctx, "look for another network", "REASSOCIATE")
}

// save has the configuration file say what wpa_supplicant knows now.
func (c Client) save(ctx context.Context) error {
	s, err := c.supplicant()
	if err != nil {
		return err
	}
	answer, err := c.command(ctx, "SAVE_CONFIG")
	if err != nil {
		return err
	}
	if !strings.HasPrefix(answer, "OK") {
		return &NotSavedError{Config: s.Config}
	}
	// Nobody but root is to read the keys, whatever wpa_supplicant's umask is.
	if info, err := os.Lstat(s.Config); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
		err = os.Chmod(s.Config, 0o600)
		if err != nil {
			return err
		}
	}
	// That is no change that the keeper would have to hand over. If it can't be noted,
	// the keeper does, which costs a moment's connection at worst.
	if digest, err := s.digest(); err == nil {
		_ = s.record(digest)
	}
	return nil
}

// supplicant is what Run was called for, by the arguments of the process that runs.
func (c Client) supplicant() (*Supplicant, error) {
	found, err := ours(c.Dir)
	if err != nil {
		return nil, err
	}
	for _, p := range found {
		defer p.Close()
		if i := slices.Index(p.args, "-c"); i >= 0 && i+1 < len(p.args) {
			return &Supplicant{Interface: c.Interface, Config: p.args[i+1], Dir: c.Dir}, nil
		}
	}
	return nil, fmt.Errorf("%s: %w", c.Interface, ErrNotRunning)
}

// listen has wpa_supplicant send its events. What a client that was killed has left goes.
func (c Client) listen(ctx context.Context) (*monitor, error) {
	left, _ := filepath.Glob(filepath.Join(c.Dir, clientName+".*"))
	for _, path := range left {
		if pid := strings.TrimPrefix(filepath.Ext(path), "."); !alive(pid) {
			os.Remove(path)
		}
	}
	m, err := listenAs(c.Dir, clientName)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%s: %w", c.Interface, ErrNotRunning)
		}
		return nil, err
	}
	if err := m.attach(ctx); err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

func alive(pid string) bool {
	_, err := os.Stat("/proc/" + pid)
	return err == nil
}
