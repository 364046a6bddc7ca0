package failover

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// A Failover follows one bond.
type Failover struct {
	// Order are the names of the bond's slaves in the order in which they were enslaved.
	Order func() []string
	// Faster says whether a slave's speed and duplex are better than another one's, by
	// their names, as the driver compares them.
	Faster func(than, then string) bool

	name     string
	watch    *rtnl.ThreadWatch
	requests *rtnl.Conn
	wake     int // an eventfd(2), which has the thread look at what it is to do
	on       atomic.Bool
	dead     atomic.Pointer[[]string]

	mu     sync.Mutex // held for moments alone
	recent []Switch   // the last ones
}

// maxRecent bounds the switches that are kept until somebody asks.
const maxRecent = 32

// A Switch is one that was made here.
type Switch struct {
	Number   int // counts them, from 1 on
	From, To string
	Lost     time.Time // when the loss of From's carrier was heard of; zero on the way back
	Made     time.Time // zero while it is about to be made
	Err      error     // the driver's, which refused; nil
}

// News is what Run tells: of the last switch since it told, nil for none, and of who is not returned to.
type News struct {
	Switch *Switch
	// Held are the slaves that come and go so often that they aren't returned to for now.
	Held []string
}

// Open opens the sockets, in the calling thread's network namespace. Until Set(true) nothing is
// switched.
func Open(name string) (*Failover, error) {
	watch, err := rtnl.ListenOnThread(unix.RTMGRP_LINK)
	if err != nil {
		return nil, err
	}
	requests, err := rtnl.Dial()
	if err != nil {
		watch.Close()
		return nil, err
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		watch.Close()
		requests.Close()
		return nil, fmt.Errorf("open an eventfd: %w", err)
	}
	return &Failover{name: name, watch: watch, requests: requests, wake: wake}, nil
}

// Close closes the sockets. Run must have returned.
func (f *Failover) Close() {
	f.watch.Close()
	f.requests.Close()
	unix.Close(f.wake)
}

// Set says whether to switch.
func (f *Failover) Set(on bool) {
	if f.on.Swap(on) != on {
		f.rouse()
	}
}

// Avoid says which slaves have a dead path: they are made active only where there is no other.
func (f *Failover) Avoid(names []string) {
	names = slices.Clone(names)
	if before := f.dead.Swap(&names); before == nil && len(names) > 0 || before != nil && !slices.Equal(*before, names) {
		f.rouse()
	}
}

// Since are the switches that came after the one of a number, the last 32 at most. Whoever
// has seen a bond after a switch sees the switch here.
func (f *Failover) Since(number int) []Switch {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.recent, func(s Switch) bool { return s.Number > number })
	if i < 0 {
		return nil
	}
	return slices.Clone(f.recent[i:])
}

// note keeps a switch that is about to be made; or that was, with which it takes its place.
func (f *Failover) note(s Switch) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.recent); n > 0 && f.recent[n-1].Number == s.Number {
		f.recent = f.recent[:n-1]
	}
	if s.Err == nil {
		f.recent = append(f.recent[max(0, len(f.recent)-maxRecent+1):], s)
	}
}

// rouse wakes the thread.
func (f *Failover) rouse() {
	_, _ = unix.Write(f.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
}

// Run follows the bond until ctx ends. What tell does holds up no switch: it is called on
// another goroutine.
func (f *Failover) Run(ctx context.Context, tell func(News)) error {
	news := make(chan News, 1)
	var telling sync.WaitGroup
	telling.Go(func() {
		for n := range news {
			tell(n)
		}
	})
	defer telling.Wait()
	defer close(news)
	defer context.AfterFunc(ctx, f.rouse)()
	failed := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		t := thread{Failover: f, watcher: newWatcher(f.name, f.faster), news: news}
		failed <- t.run(ctx)
	}()
	return <-failed
}

func (f *Failover) faster(than, then slave) bool {
	return f.Faster != nil && f.Faster(than.name, then.name)
}

// A thread is what the thread of its own has to itself.
type thread struct {
	*Failover
	watcher *watcher
	news    chan News
	heard   time.Time // when the last messages came
	held    []string  // as was told
	// switches counts them.
	switches int
}

// run waits for messages and acts upon them.
func (t *thread) run(ctx context.Context) error {
	if err := t.list(); err != nil {
		return err
	}
	for {
		due := t.act()
		if err := t.wait(due); err != nil || ctx.Err() != nil {
			return err
		}
		if err := t.read(); err != nil {
			return err
		}
	}
}

// list reads all links anew.
func (t *thread) list() error {
	links, err := t.requests.Links()
	if err != nil {
		return err
	}
	t.heard = time.Now()
	t.watcher.list(links, t.Order(), t.heard)
	return nil
}

// wait waits until there is something to read, or to do.
func (t *thread) wait(due time.Time) error {
	var limit *unix.Timespec // none
	if !due.IsZero() {
		limit = new(unix.NsecToTimespec(max(0, int64(time.Until(due)))))
	}
	fds := []unix.PollFd{{Fd: int32(t.watch.FD), Events: unix.POLLIN}, {Fd: int32(t.wake), Events: unix.POLLIN}}
	_, err := unix.Ppoll(fds, limit, nil)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("wait for the kernel's messages: %w", err)
	}
	if fds[1].Revents != 0 {
		_, _ = unix.Read(t.wake, make([]byte, 8))
	}
	t.watcher.on = t.on.Load()
	if dead := t.dead.Load(); dead != nil {
		t.watcher.dead = *dead
	}
	return nil
}

// read takes in all messages that have come: what the first of them says may be over by
// the last.
func (t *thread) read() error {
	for {
		messages, err := t.watch.Read()
		switch {
		case errors.Is(err, rtnl.ErrLost):
			if err := t.list(); err != nil {
				return err
			}
			continue
		case err != nil:
			return err
		case messages == nil && t.watcher.stale:
			return t.list()
		case messages == nil:
			return nil
		}
		t.heard = time.Now()
		for _, m := range messages {
			if l, ok := m.Link(); ok && m.Type == unix.RTM_DELLINK {
				t.watcher.gone(l.Index)
			} else if ok {
				t.watcher.hear(l, t.heard)
			}
		}
	}
}

// act does what there is to do, and says when there is more.
func (t *thread) act() time.Time {
	for {
		to, due := t.watcher.next(time.Now())
		if to == 0 {
			t.tellHeld()
			return due
		}
		t.switchTo(to)
	}
}

// switchTo makes a slave active, and tells afterwards.
func (t *thread) switchTo(to int) {
	w := t.watcher
	from, _ := w.slave(w.bond.active)
	then, _ := w.slave(to)
	t.switches++
	s := Switch{Number: t.switches, From: from.name, To: then.name}
	if !from.carrier {
		s.Lost = t.heard
	}
	t.note(s)
	s.Err = t.requests.SetLink(w.bond.index, activeSlave(to))
	s.Made = time.Now()
	t.note(s)
	if s.Err != nil {
		w.refuse(to)
	} else {
		w.switched(to)
	}
	t.tell(News{Switch: &s, Held: t.held})
}

// tellHeld tells who isn't returned to, where that has changed.
func (t *thread) tellHeld() {
	if held := t.watcher.held(time.Now()); !slices.Equal(held, t.held) {
		t.held = held
		t.tell(News{Held: held})
	}
}

// tell hands news on, and waits for nobody: with what hasn't been taken yet it is one piece of news.
func (t *thread) tell(n News) {
	select {
	case before := <-t.news:
		if n.Switch == nil {
			n.Switch = before.Switch
		}
	default:
	}
	t.news <- n
}
