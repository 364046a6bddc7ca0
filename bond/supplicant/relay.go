package supplicant

import (
	"context"
	"strings"
)

// relay reports what a process tells until it or ctx ends. It returns whether the
// interface was connected.
func (r *runner) relay(ctx context.Context, p *process, m *monitor) (connected bool, err error) {
	done := make(chan struct{})
	defer close(done)
	messages := m.messages(done)
	s := story{wired: r.Wired}
	tell := func(e Event, news bool) {
		if e.PID = p.pid; news {
			connected = connected || e.Kind == Connected
			r.tell(e)
		}
	}
	tell(r.look(ctx, &s))
	tell(r.failedBefore(ctx, &s))
	r.refresh(ctx, p)
	told := false
	for {
		select {
		case <-ctx.Done():
			return connected, nil
		case <-p.Ended():
			r.tell(Event{Kind: Ended, Reason: end(told), PID: p.pid})
			return connected, nil
		case text := <-messages:
			e, ok := parse(text, r.Interface)
			switch {
			case !ok:
			case e.name == "CTRL-EVENT-TERMINATING":
				told = true
			case e.name == "CTRL-EVENT-CONNECTED":
				tell(r.look(ctx, &s)) // it tells which network
			default:
				tell(s.hear(e))
			}
		}
	}
}

// end says how a process has ended. It is nobody's child, so nobody can read its
// exit status; but it says so itself if it goes because it was told to.
func end(told bool) string {
	if told {
		return "wpa_supplicant was told to end"
	}
	return "wpa_supplicant died"
}

// look asks whether there is a connection.
func (r *runner) look(ctx context.Context, s *story) (Event, bool) {
	answer, err := r.ask(ctx, "STATUS")
	if err != nil {
		return Event{}, false // it has ended, which is told soon
	}
	return s.look(status(answer))
}

// failedBefore asks for the networks that failed and are left alone for a while.
// wpa_supplicant doesn't tell why they did until they fail again, maybe minutes later.
func (r *runner) failedBefore(ctx context.Context, s *story) (e Event, news bool) {
	answer, err := r.ask(ctx, "LIST_NETWORKS")
	if err != nil || r.Wired {
		return Event{}, false
	}
	for _, n := range networks(answer) {
		if strings.Contains(n.flags, "[TEMP-DISABLED]") {
			e, news = s.hold(message{fields: map[string]string{"id": n.id, "ssid": n.ssid}})
		}
	}
	return e, news
}

// refresh has wpa_supplicant read the configuration again if that has changed. If
// it is broken, wpa_supplicant goes on with what it has: a network that works is
// worth more than one that is wished for.
func (r *runner) refresh(ctx context.Context, p *process) {
	digest, err := r.digest()
	if err != nil {
		r.trouble(ctx, err.Error(), p.pid)
		return
	}
	if digest == r.recorded() {
		return
	}
	answer, err := r.ask(ctx, "RECONFIGURE")
	if err == nil && strings.HasPrefix(answer, "OK") {
		err = r.record(digest)
	} else if err == nil {
		r.trouble(ctx, "wpa_supplicant refuses what "+r.Config+" says now, and goes on as before", p.pid)
		return
	}
	if err != nil {
		r.trouble(ctx, err.Error(), p.pid)
	}
}
