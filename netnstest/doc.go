// Package netnstest is a laboratory for programs that change the network: machines with cables,
// docks and Wi-Fi, for tests, on a kernel that really has them.
//
// # A whole test
//
//	func TestMain(m *testing.M) { netnstest.Main(m) }
//
//	func TestPulledCable(t *testing.T) {
//		t.Parallel()
//		h := netnstest.New(t)      // a machine of its own, and a LAN behind it
//		eth0 := h.Cable("eth0")    // its only NIC, and a cable to the LAN
//		h.Run("ip", "link", "set", "eth0", "up")
//		h.Run("ip", "address", "add", "192.0.2.10/24", "dev", "eth0")
//
//		p := h.Ping(200 * time.Millisecond)
//		eth0.Pull()
//		netnstest.Eventually(t, h.Carrier("eth0", false))
//		eth0.Plug()
//		netnstest.Eventually(t, p.Answered)
//		t.Log(p.Stop())
//	}
//
// # Where it runs
//
// A build machine's kernel may have no bonding driver, and a developer's must not lose its
// network. So [Main], called from TestMain, boots Debian's kernel once in a virtual machine
// (QEMU, with KVM where a guest boots with it, else emulated, which works everywhere) and runs the same
// test binary in it, with the same arguments in the same folder. Output, exit status, -test.v,
// -test.run, -race, the profiles (-test.coverprofile and its like) and flags of the tests' own come
// through, as -long does in go test -timeout 60m ./netnstest/suite -long. The guest's root is the
// host's, read-only, with a file system in memory on top: every tool and file of the host is there,
// everything can be written, and nothing that is written outlives the guest. The environment decides:
//
//	BONDCTL_LAB=           boot the virtual machine (the default)
//	BONDCTL_LAB=native     use the running kernel, in namespaces that end with the tests
//	BONDCTL_LAB_REQUIRED=1 fail, and don't skip, where no virtual machine can be had (as CI=true)
//	BONDCTL_LAB_KERNEL=DIR the kernel: DIR/boot/vmlinuz-V (or DIR/vmlinuz) and DIR/lib/modules/V
//	BONDCTL_LAB_APPEND=... more parameters of the kernel, such as ipv6.disable=1
//	BONDCTL_LAB_ACCEL=tcg  QEMU's accelerator, whatever works here
//
// Without BONDCTL_LAB_KERNEL it is the kernel that netnstest/setup downloaded to the user's
// cache folder, or else one installed in /boot. "netnstest/setup 6.12" downloads another one and prints
// the variable that has it booted; what older kernels don't have, a test asks [KernelAtLeast].
//
// A table of the slowest tests follows their output.
//
// Programs that the tests run are named to Main with [Programs]; they are built on the host, and
// [Program] gives their path (they are in PATH as well). With -coverprofile, what they ran is in
// the profile too. A result is cached by go test as any other, and depends on their sources.
//
// A program that isn't a test uses [Lab] to boot a guest and run a command in it, and calls
// [RunInit] first of all.
//
// # What there is
//
// [New] makes a [Host], a machine under test: a network namespace with a /sys that belongs to it
// and a /run of its own, so that tests can run in parallel. Behind it is a [LAN], another
// namespace: a bridge with [LANAddr] and [LANAddr6], DHCP on request. [Host.Cable] adds a NIC and
// its cable (a veth); the cable can be pulled and plugged (carrier), the NIC removed and inserted
// (gone, and back by the same name with the same MAC). [Host.Ping] sends pings and tells what was
// lost; [Host.Stream] is a TCP connection that must not break. [Host.Tap] sees every netlink request
// that changes something, and [Cmd.Supervise] kills a program at any of its changes, those of files
// included, or refuses them.
// [Host.OtherLAN] is a second network, with addresses and DHCP of its own, for a machine that is carried
// elsewhere, and [Host.ThirdLAN] a third.
//
// [NewMachine] gives the virtual machine itself, to one test at a time: docks that are
// hot-plugged for real through QEMU's monitor ([Machine.USBDock], [Machine.PCIDock]) and Wi-Fi
// ([Machine.WiFi], twice if need be) with an access point behind which is the same LAN, or the other
// ([WiFi.MoveAP]). [WiFi.Config] is for programs that start wpa_supplicant. [Machine.Udev] starts udev,
// without which links keep the names that the kernel gives them. Tests that need the machine are
// skipped under BONDCTL_LAB=native.
//
// [Host.Systemd] boots systemd as the init of a container around the host, with a system bus and a
// journal: services are started, crash and are started again, and after [Systemd.Reboot] there is
// what a machine finds at boot. It takes the virtual machine, too.
//
// Nothing happens at once, least of all in an emulated machine: [Eventually] waits for a condition,
// such as [Host.Carrier], [Ping.Answered] or [WiFi.Associated]. How long it waits, [Patience], depends on how
// slow the machine is, which is measured at boot.
//
// # Threads
//
// A namespace belongs to a thread. [Namespace.Do] runs a function on a thread in the namespace;
// goroutines which it starts are elsewhere. Programs started by [Namespace.Command] and
// [Namespace.Run] are inside, and [Namespace.Netlink], [Namespace.Sys] and [Namespace.Root] give a
// netlink handle, a sysfs and the files that can be used from any goroutine.
package netnstest
