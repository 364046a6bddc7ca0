package keeper

import (
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/bondctl/bondctl/bond"
)

// contest notices if somebody else, such as another network manager, undoes what
// the keeper does: then the same steps are called for again and again.
type contest struct {
	steps []bond.Step // of the last plan
	at    time.Time
	times int // in a row
}

// errContested says that somebody else undoes what the keeper does.
var errContested = errors.New("somebody else undoes it again and again")

const (
	contestTimes = 5
	contestTime  = 10 * time.Second // the most between two times in a row
)

// contested counts how often in a row a look has done the same. The error is
// errContested when that is so often that it is better left for a while.
func (c *contest) contested(plan bond.Plan, now time.Time) error {
	if plan.Empty() {
		return nil
	}
	// A device that went and came back by its name is another one to its steps.
	if !reflect.DeepEqual(plan.Steps, c.steps) || now.Sub(c.at) > contestTime {
		c.times = 0
	}
	c.steps, c.at = plan.Steps, now
	c.times++
	if c.times < contestTimes {
		return nil
	}
	return fmt.Errorf("%s: %w", plan, errContested)
}
