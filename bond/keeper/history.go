package keeper

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/bondctl/bondctl/bond"
)

// history is what a keeper has seen, in its log and for others to be shown.
type history struct {
	keeper   *Keeper
	seen     bond.Snapshot
	looked   bool // seen is of the kernel
	events   []bond.Event
	troubles map[string]string
	noted    bool // all of this
	begun    bool // something was noted
}

// maxUnnoted bounds the events that wait to be noted.
const maxUnnoted = 64

// observe finds out what has happened since the last look.
func (h *history) observe() {
	k := h.keeper
	now, err := k.Host.Snapshot(k.Name)
	if errors.Is(err, bond.ErrNoBond) {
		now, err = bond.Snapshot{}, nil
	}
	if err != nil {
		k.Log.Warn("look at what happened", "error", err)
		return
	}
	if h.looked {
		for _, e := range now.Since(h.seen, k.Name, time.Now()) {
			h.happened(e)
		}
	}
	h.seen, h.looked = now, true
}

// flush writes down what others are to be shown, if there is anything new.
func (h *history) flush(ctx context.Context) {
	k := h.keeper
	if !h.looked || h.noted && len(h.events) == 0 {
		return
	}
	err := k.Host.Note(ctx, k.Name, bond.Note{Snapshot: h.seen, Events: h.events, First: !h.begun, Troubles: h.troubles})
	// Before the first up of all there is nothing to write it in.
	if err != nil && !errors.Is(err, bond.ErrNotWanted) {
		k.Log.Warn("note what happened", "error", err)
		h.noted = false // so the next look tries again
		h.events = h.events[max(0, len(h.events)-maxUnnoted):]
		return
	}
	for _, e := range h.events {
		if k.OnEvent != nil {
			k.OnEvent(e)
		}
	}
	h.events, h.noted, h.begun = nil, true, true
}

// happened logs an event; the next note has it.
func (h *history) happened(e bond.Event) {
	e.Bond = h.keeper.Name
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	h.keeper.Log.Info(e.String())
	h.events = append(h.events, e)
}

// forget drops the trouble with something that is of no interest any more.
func (h *history) forget(what string) {
	if _, known := h.troubles[what]; known {
		h.troubles = maps.Clone(h.troubles)
		delete(h.troubles, what)
		h.noted = false
	}
}

// trouble says that something doesn't work, in words, or with none that it
// does again. What is the same as before isn't said again.
func (h *history) trouble(what, words string) {
	if h.troubles[what] == words {
		return
	}
	e := bond.Event{Event: bond.EventTrouble, From: &what, Message: &words}
	h.troubles = maps.Clone(h.troubles)
	if words == "" {
		e = bond.Event{Event: bond.EventMended, To: &what}
		delete(h.troubles, what)
	} else {
		if h.troubles == nil {
			h.troubles = map[string]string{}
		}
		h.troubles[what] = words
	}
	h.happened(e)
}
