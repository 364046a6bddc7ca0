package keeper

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bondctl/bondctl/bond"
)

// contest notices that somebody else undoes what the keeper does, such as
// another network manager: the same steps are called for again and again.
type contest struct {
	steps string // the last ones, in words, and the devices among them
	at    time.Time
	times int // in a row
}

// errContested says that somebody else undoes what the keeper does.
var errContested = errors.New("somebody else undoes it again and again")

const (
	contestTimes = 5
	contestTime  = 10 * time.Second // the most between two times in a row
)

// contested takes down what a look has done. The error is errContested when
// that has been done so often that it is better left for a while.
func (c *contest) contested(steps []bond.Step, now time.Time) error {
	if len(steps) == 0 {
		return nil
	}
	words, devices := make([]string, len(steps)), ""
	for i, step := range steps {
		words[i] = step.String()
		if e, ok := step.(bond.Enslave); ok { // one that comes back is another one
			devices += fmt.Sprintf(" %d", e.Was.Index)
		}
	}
	said := strings.Join(words, "; ")
	if said+devices != c.steps || now.Sub(c.at) > contestTime {
		c.times = 0
	}
	c.steps, c.at = said+devices, now
	c.times++
	if c.times < contestTimes {
		return nil
	}
	return fmt.Errorf("%s: %w", said, errContested)
}
