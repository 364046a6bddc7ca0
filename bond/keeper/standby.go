package keeper

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/supplicant"
)

// A standby has a Wi-Fi member rest while a cable serves, and wakes it when none does.
type standby struct {
	client supplicant.Client

	mu    sync.Mutex
	due   time.Time // when it is to rest; zero: it isn't
	rests bool
	// asleep says that wpa_supplicant was told to disconnect, and hasn't taken in yet that it is to connect again.
	asleep bool
	woken  time.Time // when it was woken, until it is associated
}

// resting is the report that a member rests, or doesn't any more.
type resting struct {
	iface string
	rests bool
}

// restTime is for how long a cable must have served until Wi-Fi rests: what was sent before the cable
// returned may still come by Wi-Fi, and a cable that comes and goes is no reason to leave a network each time.
const restTime = 10 * time.Second

// want says whether the member is to rest. It returns when it will, zero where that is no question any
// more, and whether it has begun to or ended.
func (b *standby) want(ctx context.Context, rest bool, now time.Time) (due time.Time, changed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case !rest:
		if changed = b.rests; changed {
			b.woken = now
		}
		b.due, b.rests = time.Time{}, false
		return b.wake(ctx, now), changed
	case b.due.IsZero():
		b.due = now.Add(restTime)
	case !b.rests && !now.Before(b.due):
		b.begin(ctx)
		return time.Time{}, true
	}
	if b.rests {
		return time.Time{}, false
	}
	return b.due, false
}

// begin has the member rest.
func (b *standby) begin(ctx context.Context) {
	b.rests, b.asleep = true, true
	_ = b.client.Disconnect(ctx)
}

// wakeTime is the time until a wpa_supplicant that refuses to connect, as while rfkill blocks its radio, is told again.
const wakeTime = time.Second

// wake has the member connect again. It returns when that is to be tried again; zero where it needn't be.
func (b *standby) wake(ctx context.Context, now time.Time) (again time.Time) {
	if b.asleep && b.client.Reconnect(ctx) != nil {
		return now.Add(wakeTime)
	}
	b.asleep = false
	return time.Time{}
}

// begun tells a wpa_supplicant that has just come under the keeper's care what it is to do, and returns whether
// it begins to rest. One that was adopted may rest already, or may have to be woken.
func (b *standby) begun(ctx context.Context, adopted bool) (changed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch was := b.rests; {
	case b.rests, adopted && !b.due.IsZero():
		b.begin(ctx)
		return !was
	case adopted:
		b.asleep = true // an earlier keeper may have told it to
		b.wake(ctx, time.Now())
	default:
		b.asleep = false // one that was started connects
	}
	return false
}

// associated says how long a member took to associate that was woken.
func (b *standby) associated(now time.Time) (took time.Duration, woken bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.woken.IsZero() {
		return 0, false
	}
	took = now.Sub(b.woken)
	b.woken = time.Time{}
	return took, true
}

// resting says whether the member rests, so that having no network is no trouble.
func (b *standby) resting() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.rests
}

// rest has those members rest that are to, and no others. It has an item when that is to be looked at again.
func (s *supplicants) rest(ctx context.Context) (again <-chan time.Time) {
	now := time.Now()
	var next time.Time
	for name, a := range s.running {
		due, changed := a.standby.want(ctx, slices.Contains(s.resting, name), now)
		if changed {
			s.tellRest(ctx, name, a.standby.resting())
		}
		if !due.IsZero() && (next.IsZero() || due.Before(next)) {
			next = due
		}
	}
	if next.IsZero() {
		return nil
	}
	return time.After(time.Until(next))
}

// tellRest reports that a member rests, whatever was wrong with its network, or that it doesn't any more.
func (s *supplicants) tellRest(ctx context.Context, iface string, rests bool) {
	s.log.Info("Wi-Fi standby", "interface", iface, "rests", rests)
	send(ctx, s.reports, []report{resting{iface, rests}})
	if rests {
		s.tell(ctx, iface, "")
	}
}

// woke is the event that a member that rested is associated again.
func woke(iface string, took time.Duration) bond.Event {
	return bond.Event{Event: bond.EventWake, To: &iface, SwitchMS: new(int(took.Milliseconds()))}
}
