package drill

import "time"

// The ways in which a member is made to fail.
const (
	BySwitch = "switch" // another one was made active in its place
	ByCut    = "cut"    // it was set down
)

// Who made a member active again that had come back.
const (
	BackByPolicy = "policy" // the kernel or the keeper, as primary_reselect says
	BackByHand   = "hand"   // the drill, for by its policy the bond stays where it is
)

// A Failover is what one rehearsal showed. Times are in milliseconds, and nil is what isn't
// known, as the drill didn't get so far.
type Failover struct {
	Bond string    `json:"bond"`
	By   string    `json:"by"`   // switch or cut
	From string    `json:"from"` // the member that failed
	To   *string   `json:"to"`   // the one that took over
	Time time.Time `json:"time"` // when it was made to fail
	Lost *int      `json:"lost"` // frames without an answer
	// OutageMS is the longest time in which nothing got through ([Gap.Outage]).
	OutageMS *int       `json:"outage_ms"`
	BackTime *time.Time `json:"back_time"` // when it was set up again, or made active again
	// BackBy says who made From active again: policy or hand.
	BackBy       *string `json:"back_by"`
	BackMS       *int    `json:"back_ms"` // from when it was set up again until it was active by policy, updelay included
	BackLost     *int    `json:"back_lost"`
	BackOutageMS *int    `json:"back_outage_ms"`
}

func milliseconds(d time.Duration) *int { return new(int(d.Round(time.Millisecond).Milliseconds())) }
