package bond

import (
	"cmp"
	"math"
)

// SlaveOrder are the names of a bond's slaves in the order in which they were enslaved,
// in which the driver goes through them; nil where there is no such bond.
func (h *Host) SlaveOrder(name string) []string {
	b, err := h.sysfs.Bond(name)
	if err != nil {
		return nil
	}
	return b.Slaves
}

// Faster says whether a slave's speed and, if that is the same, its duplex are better than
// another one's, as the driver compares them for primary_reselect better. What is unknown
// is the greatest for it: SPEED_UNKNOWN and DUPLEX_UNKNOWN as unsigned numbers.
func (h *Host) Faster(than, then string) bool {
	speed1, duplex1 := h.speed(than)
	speed2, duplex2 := h.speed(then)
	return cmp.Or(cmp.Compare(speed1, speed2), cmp.Compare(duplex1, duplex2)) > 0
}

func (h *Host) speed(name string) (speed uint32, duplex uint8) {
	speed, duplex = math.MaxUint32, math.MaxUint8
	d, err := h.sysfs.Device(name)
	if err == nil && d.Speed != nil {
		speed = uint32(*d.Speed)
	}
	switch d.Duplex {
	case "half":
		duplex = 0
	case "full":
		duplex = 1
	}
	return speed, duplex
}
