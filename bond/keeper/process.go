package keeper

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/internal/statedir"
	"github.com/bondctl/bondctl/bond/internal/statefile"
)

// PID is the process id of a bond's keeper; 0 when there is none. Anyone may ask.
func PID(h *bond.Host, name string) int { return process(h, name).PID }

// process is a bond's keeper; the zero Process when there is none.
func process(h *bond.Host, name string) statefile.Process {
	k, _, err := statedir.Of(h.StateDir(), name).Keeper()
	if err != nil || !k.Alive() {
		return statefile.Process{}
	}
	return k.Process
}

// Wake has a bond's keeper look at what is wanted, which is recorded anew. It is
// no error if there is none.
func Wake(h *bond.Host, name string) error { return signal(process(h, name), name, unix.SIGUSR1) }

// stopTime is how long a keeper has to end before it is killed. It leaves
// nothing behind that the next one doesn't mend.
const stopTime = 5 * time.Second

// Stop ends a bond's keeper and waits until it has. The bond stays as it is. It
// is no error if there is none.
func Stop(ctx context.Context, h *bond.Host, name string) error {
	keeper := process(h, name)
	if err := signal(keeper, name, unix.SIGTERM); err != nil {
		return err
	}
	kill := time.After(stopTime)
	for keeper.PID != 0 && process(h, name) == keeper {
		select {
		case <-ctx.Done():
			return fmt.Errorf("stop the keeper of %s (process %d): %w", name, keeper.PID, ctx.Err())
		case <-kill:
			if err := signal(keeper, name, unix.SIGKILL); err != nil {
				return err
			}
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

// signal sends a bond's keeper a signal, unless it has ended.
func signal(keeper statefile.Process, name string, sig unix.Signal) error {
	if err := keeper.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal the keeper of %s (process %d): %w", name, keeper.PID, err)
	}
	return nil
}
