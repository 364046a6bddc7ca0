package netnstest

// Udev starts systemd-udevd with the rules that are installed, as on a real system: from here on it
// renames links as they appear and gives new virtual ones a MAC of its own
// (MACAddressPolicy=persistent). Run "udevadm settle" to wait for it.
func (m *Machine) Udev() *Process {
	m.t.Helper()
	p := m.Start("/lib/systemd/systemd-udevd")
	Eventually(m.t, func() error {
		_, err := m.run("udevadm", "control", "--ping")
		return err
	})
	return p
}
