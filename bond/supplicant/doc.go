// Package supplicant runs wpa_supplicant for one interface: it starts it, starts it
// again when it ends, and says why there is no connection. A Wi-Fi interface joins
// networks, and a wired one authenticates at its port (802.1X).
//
//	s := supplicant.Supplicant{Interface: "wlan0", Config: "/etc/wpa_supplicant.conf",
//		Dir: "/run/bondctl/1/bond0/wlan0.wpa"}
//	s.Run(ctx, func(e supplicant.Event) { ... })
//	...
//	err := supplicant.Stop(ctx, s.Dir)
//
// # The process
//
// wpa_supplicant goes to the background by itself (-B) once it has the
// interface and its configuration. Until then what it writes is read, so that
// it can be said what it doesn't like; from then on it is nobody's child, has a
// session of its own and writes nowhere. It lives on when Run returns and when
// the program that called it dies: another Run adopts it.
//
// It is known by its arguments, of which the path of its control socket occurs
// nowhere else, and not by a note of its process id: no crash comes between it
// and being found. What is found is held by a pidfd, which tells its end, too.
//
// # The control interface
//
// The socket is the global one (-g), in a folder that root alone can enter, so
// nothing depends on the ctrl_interface of the configuration, which is for
// wpa_cli as ever. See wpa_supplicant's "Control interface" documentation; what
// it sends is from version 2.10.
//
// A [Client] asks the same socket, from another process: which networks are known and in
// range. It adds networks and forgets them, and has the configuration written.
//
// While nothing happens nothing is done: a timer runs only between two tries.
package supplicant
