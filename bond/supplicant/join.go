package supplicant

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// JoinError says why a network couldn't be joined. Nothing was changed then.
type JoinError struct {
	SSID   []byte
	Reason string
}

func (e *JoinError) Error() string {
	return fmt.Sprintf("join %s: %s", strconv.Quote(string(e.SSID)), e.Reason)
}

// A Joining is a network that is to be joined.
type Joining struct {
	SSID []byte
	// Settings are those of a network that isn't known yet, or that takes the place of
	// those of its name; nil to join one that is known.
	Settings []Setting
	// Priority is what the network has from then on; nil leaves it as it is.
	Priority *int
}

// Join has the interface change over to a network, and waits for that until ctx ends. All
// other networks stay as they are. The file is written once the connection is there: it
// may return a *[NotSavedError] with that. Any other error means that the network isn't
// joined, and one that wasn't known isn't known either; it is a *[JoinError] if it is the
// network's.
func (c Client) Join(ctx context.Context, j Joining) error {
	a, err := c.begin(ctx, j)
	if err != nil {
		return err
	}
	defer a.end()
	if err := a.connect(ctx); err != nil {
		return errors.Join(err, a.undo(context.WithoutCancel(ctx)))
	}
	return a.keep(ctx)
}

// Add is Join without a connection: wpa_supplicant knows the network from now on.
func (c Client) Add(ctx context.Context, j Joining) error {
	a, err := c.begin(ctx, j)
	if err != nil {
		return err
	}
	defer a.end()
	return a.keep(ctx)
}

// attempt is a network that is being joined.
type attempt struct {
	Client
	Joining
	monitor *monitor
	known   []Network
	id      int
	was     Network // what it was before; the zero Network if it is new
	story   story
}

// begin adds the network, or finds the known one. It isn't enabled yet.
func (c Client) begin(ctx context.Context, j Joining) (*attempt, error) {
	known, err := c.Networks(ctx)
	if err != nil {
		return nil, err
	}
	a := &attempt{Client: c, Joining: j, known: known}
	if j.Settings == nil {
		i := slices.IndexFunc(known, func(n Network) bool { return string(n.SSID) == string(j.SSID) })
		if i < 0 {
			return nil, &JoinError{j.SSID, "it isn't known"}
		}
		a.id, a.was = known[i].ID, known[i]
	} else if err := a.add(ctx); err != nil {
		return nil, err
	}
	if a.monitor, err = c.listen(ctx); err != nil {
		return nil, errors.Join(err, a.undo(context.WithoutCancel(ctx)))
	}
	return a, nil
}

func (a *attempt) end() { a.monitor.close() }

// add tells wpa_supplicant of the network.
func (a *attempt) add(ctx context.Context) error {
	answer, err := a.command(ctx, "ADD_NETWORK")
	if err != nil {
		return err
	}
	if a.id, err = strconv.Atoi(strings.TrimSpace(answer)); err != nil {
		return errors.New("wpa_supplicant refuses to add a network")
	}
	for _, s := range a.Settings {
		if s.Name == "disabled" || s.Name == "priority" {
			continue
		}
		if err := a.do(ctx, "take the "+s.Name+" of the network", "SET_NETWORK %d %s %s", a.id, s.Name, s.Value); err != nil {
			return errors.Join(err, a.undo(context.WithoutCancel(ctx)))
		}
	}
	return nil
}

// undo has everything be as it was.
func (a *attempt) undo(ctx context.Context) error {
	if a.Settings == nil {
		_, err := a.command(ctx, "SET_NETWORK %d priority %d", a.id, a.was.Priority)
		if a.was.Disabled {
			err = errors.Join(err, a.do(ctx, "disable a network", "DISABLE_NETWORK %d", a.id))
		}
		return err
	}
	if err := a.do(ctx, "forget a network", "REMOVE_NETWORK %d", a.id); err != nil {
		return err
	}
	return a.reassociate(ctx) // it had left another network for this one, perhaps
}

// lookTime is how often it is looked whether another scan is due.
const lookTime = 3 * time.Second

// connect has the interface change over. For that the network is preferred to all others,
// which stay enabled: if this process is killed now, nothing is lost. A scan is what has
// wpa_supplicant choose anew.
func (a *attempt) connect(ctx context.Context) error {
	done := make(chan struct{})
	defer close(done)
	messages := a.monitor.messages(done)
	top := 0
	for _, n := range a.known {
		top = max(top, n.Priority)
	}
	if err := a.do(ctx, "prefer a network", "SET_NETWORK %d priority %d", a.id, top+1); err != nil {
		return err
	}
	if err := a.do(ctx, "enable a network", "ENABLE_NETWORK %d", a.id); err != nil {
		return err
	}
	look := time.NewTicker(lookTime)
	defer look.Stop()
	for {
		connected, err := a.look(ctx)
		if connected || err != nil {
			return err
		}
		if err := a.hear(ctx, messages, look.C); err != nil {
			return err
		}
	}
}

// look says whether the network is connected to, and has another scan made if nothing is
// under way.
func (a *attempt) look(ctx context.Context) (connected bool, err error) {
	text, err := a.command(ctx, "STATUS")
	if err != nil {
		return false, a.late(ctx, err)
	}
	s := status(text)
	ours := s["id"] == strconv.Itoa(a.id)
	switch s["wpa_state"] {
	case "COMPLETED":
		if ours {
			return true, nil
		}
	case "SCANNING", "AUTHENTICATING", "ASSOCIATING", "ASSOCIATED", "4WAY_HANDSHAKE", "GROUP_HANDSHAKE":
		return false, nil
	}
	_, err = a.command(ctx, "SCAN") // or one is under way
	return false, a.late(ctx, err)
}

// hear listens until there is something new. The error says that there will be no
// connection.
func (a *attempt) hear(ctx context.Context, messages <-chan string, look <-chan time.Time) error {
	for {
		select {
		case <-ctx.Done():
			return a.late(ctx, ctx.Err())
		case <-look:
			return nil
		case text := <-messages:
			e, ok := parse(text, a.Interface)
			if !ok {
				continue
			}
			a.story.hear(e)
			failed := e.name == "CTRL-EVENT-SSID-TEMP-DISABLED" && e.fields["id"] == strconv.Itoa(a.id)
			switch reason := e.fields["reason"]; {
			case failed && (reason == "WRONG_KEY" || reason == "AUTH_FAILED" || a.story.rejected):
				return &JoinError{a.SSID, a.story.said}
			case e.name == "CTRL-EVENT-CONNECTED":
				return nil
			}
		}
	}
}

// late makes an error of the end of the wait: why there is no connection by then.
func (a *attempt) late(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ctx.Err()
	}
	seen, err := a.accessPoints(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	inRange := slices.ContainsFunc(seen, func(p AccessPoint) bool { return string(p.SSID) == string(a.SSID) })
	switch {
	case !inRange:
		return &JoinError{a.SSID, "it isn't in range"}
	case a.story.said != "" && a.story.said != noneInRange:
		return &JoinError{a.SSID, a.story.said}
	}
	return &JoinError{a.SSID, "there was no connection in time"}
}

// keep gives the network its lasting priority, removes those whose place it has taken,
// and has the file say so.
func (a *attempt) keep(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	priority := a.was.Priority
	if a.Priority != nil {
		priority = *a.Priority
	}
	if err := a.do(ctx, "set a priority", "SET_NETWORK %d priority %d", a.id, priority); err != nil {
		return err
	}
	if err := a.do(ctx, "enable a network", "ENABLE_NETWORK %d", a.id); err != nil {
		return err
	}
	for _, n := range a.known {
		if a.Settings != nil && string(n.SSID) == string(a.SSID) {
			if err := a.do(ctx, "forget a network", "REMOVE_NETWORK %d", n.ID); err != nil {
				return err
			}
		}
	}
	return a.save(ctx)
}
