package bond

import (
	"slices"
	"time"

	"github.com/bondctl/bondctl/bond/internal/statefile"
)

// A Trial is a change of a bond that is put back unless it is kept, as [Host.BeginTrial]
// notes it. Anybody may read it.
//
// Two processes look after it: the one that makes the change, and a guardian, which does
// nothing but wait. The guardian puts the change back when the time is over, or when the
// other process ends without a verdict. That process puts it back when the guardian ends.
// If both are killed, the next one that would change the bond does: see [Trial.Abandoned].
type Trial struct {
	BootID string `json:"boot_id"`
	// Deadline is when it is put back unless it is kept by then: a time since the boot,
	// sleep included (CLOCK_BOOTTIME).
	Deadline time.Duration `json:"deadline"`
	// Confirm says that the change is made, and waits for somebody to keep it.
	Confirm bool `json:"confirm"`
	// Up makes the change, and Guardian guards it. Guardian is zero until it has started,
	// and before that nothing is changed.
	Up       statefile.Process `json:"up"`
	Guardian statefile.Process `json:"guardian"`
	// Verdict is nil until it is decided what becomes of it. The first one holds.
	Verdict *Verdict `json:"verdict,omitempty"`
	// Drill is what a drill changes, for which no image is needed to put it back; nil for
	// any other change.
	Drill *Rehearsal `json:"drill,omitempty"`
}

// A Verdict is what becomes of a trial.
type Verdict struct {
	Kept bool      `json:"kept"` // or else it is put back
	At   time.Time `json:"at"`
	Why  string    `json:"why"`
	// Done says that the verdict has been carried out.
	Done bool `json:"done"`
}

// Pending says whether there is something to keep or to put back yet.
func (t Trial) Pending() bool { return t.BootID != "" && (t.Verdict == nil || !t.Verdict.Done) }

// Abandoned says that nobody looks after a pending trial any more.
func (t Trial) Abandoned() bool { return t.Pending() && !t.Up.Alive() && !t.Guardian.Alive() }

// Guarded says whether it ever had a guardian. Without one nothing was changed.
func (t Trial) Guarded() bool { return t.Guardian.PID != 0 }

// Left is how much time there is left to keep it.
func (t Trial) Left() time.Duration { return t.Deadline - statefile.SinceBoot() }

// Until is the end of that time, as the wall clock has it.
func (t Trial) Until() time.Time { return time.Now().Add(t.Left()).Round(time.Second) }

// TrialStatus is a trial that is under way, as a status has it.
type TrialStatus struct {
	Until time.Time `json:"until"` // it is put back then, unless it is kept
	// Confirm says that it waits for somebody to keep it, or else that the change is
	// being made.
	Confirm bool `json:"confirm"`
	// Abandoned says that nobody looks after it any more.
	Abandoned bool `json:"abandoned"`
	// Drill says that it is a drill, which is put back in any case.
	Drill bool `json:"drill"`
}

// status is what a status has of a trial; nil where none is under way.
func (t Trial) status() *TrialStatus {
	if !t.Pending() {
		return nil
	}
	return &TrialStatus{t.Until(), t.Confirm, t.Abandoned(), t.Drill != nil}
}

// beforeTrial is before.json: what a trial's change is put back to.
type beforeTrial struct {
	BootID  string `json:"boot_id"`
	Image   Image  `json:"image"`
	Journal *Image `json:"journal,omitempty"` // nil: bondctl had changed nothing
	Record  record `json:"record"`
	Keeper  bool   `json:"keeper"` // one was at work
	// Inherited is what the bond had for good that was its members'.
	Inherited *Inherited `json:"inherited,omitempty"`
}

// image is the image to go back to. What nobody could know before the trial comes from the
// journal of now: links that joined since, be it by the keeper, and what was added.
func (b *beforeTrial) image(journal *Image) *Image {
	i := b.Image.clone()
	if journal == nil {
		return i
	}
	for _, link := range journal.Links {
		_, imaged := i.link(link.Index)
		if _, journalled := b.Journal.link(link.Index); imaged || journalled {
			continue
		}
		i.add(journal.only(link.Index))
	}
	was := b.Journal.clone().Added
	for _, a := range journal.Added.Addresses {
		if !slices.Contains(was.Addresses, a) {
			i.Added.Addresses = with(i.Added.Addresses, a)
		}
	}
	for _, r := range journal.Added.Routes {
		if !slices.Contains(was.Routes, r) {
			i.Added.Routes = with(i.Added.Routes, r)
		}
	}
	for _, r := range journal.Added.Rules {
		if !slices.ContainsFunc(was.Rules, r.Like) && !slices.ContainsFunc(i.Added.Rules, r.Like) {
			i.Added.Rules = append(i.Added.Rules, r)
		}
	}
	return i
}
