package bond

// Received counts the packets that a link has received, by its ifindex. Those of a bond are its
// slaves', past ones included.
func (h *Host) Received(link int) (uint64, error) { return h.kernel.Received(link) }
