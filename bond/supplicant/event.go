package supplicant

// Kind says what an [Event] is about.
type Kind string

// The kinds of events.
const (
	Started      Kind = "started"      // wpa_supplicant runs, with the interface and the configuration
	Adopted      Kind = "adopted"      // one that ran already does
	Connected    Kind = "connected"    // to a network, keys and all; or now through another access point
	Disconnected Kind = "disconnected" // the connection is lost
	Trouble      Kind = "trouble"      // there is a reason why there is no connection
	Ended        Kind = "ended"        // it runs no more; it is started again after a while
)

// Event is what [Supplicant.Run] reports.
//
// The reason of a Trouble, a Disconnected or an Ended event holds until the
// next of them or until a Connected one. A Trouble comes once until its reason
// changes or something else happened in between.
type Event struct {
	Kind Kind
	// Reason is text that can be printed as it is. With Connected it names the
	// network; with Started and Adopted it is empty.
	Reason string
	// PID is the process that is meant; 0 while there is none.
	PID int
}
