package netnstest

// hardware is what the virtual machine has for docks and their LAN, as QEMU's arguments: a USB
// controller and a PCI slot to plug a dock into, and a hub on which a dock's NIC and the LAN's
// uplink meet. What is hot-plugged comes later, see dock.go.
var hardware = []string{
	"-device", "qemu-xhci,id=" + usbBus,
	"-device", "pcie-root-port,id=" + pciSlot + ",chassis=1,slot=1",
	"-netdev", "hubport,id=uplink,hubid=" + hub,
	"-device", "virtio-net-pci,netdev=uplink,romfile=,mac=" + uplinkMAC,
	// An open end, which takes every frame. A hub of which no port takes frames, as without a
	// dock, stops its senders, and the dock that comes back doesn't set them going again.
	"-netdev", "hubport,id=open,hubid=" + hub,
}

// Names of that hardware.
const (
	usbBus    = "xhci"
	pciSlot   = "dockport"
	hub       = "0"
	uplinkMAC = "52:54:00:00:00:01"

	// The uplink's name once a Machine has it.
	uplinkName = "uplink"
)

// moduleOptions is a modprobe configuration. The kernel loads most modules by itself when a
// device of their kind is first asked for; these two would make devices of their own, one even a
// bond0 that is in every test's way.
const moduleOptions = `options bonding max_bonds=0
options dummy numdummies=0
options mac80211_hwsim radios=4
`

// startModules are loaded as the guest starts: it needs them in any case.
var startModules = []string{"virtio_console", "bonding", "veth"}

// machineModules are those that a Machine's docks and LAN need, loaded for the first of them.
var machineModules = []string{"virtio_net", "xhci_pci", "cdc_ether", "e1000e"}

// radios are as many Wi-Fi interfaces as a Machine can have. hwsim makes an access point's radio for
// each as well, see moduleOptions.
const radios = 2

// wifiModules are hwsim's radios, and the ciphers that WPA2 asks for when it is too late to load.
var wifiModules = []string{"ccm", "ctr", "cmac", "gcm", "mac80211_hwsim"}
