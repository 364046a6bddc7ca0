package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/urfave/cli/v2"
)

func demoCommand() *cli.Command {
	return &cli.Command{
		Name:   "demo",
		Usage:  "dock, undock, dock again: bondctl at work, and a ping that runs through it all",
		Action: demo,
	}
}

// The bond of the demonstration, and the file that says what is wanted of it.
const (
	bond       = "bond0"
	configFile = "/etc/bondctl/bond0.toml"
)

const config = `[[member]]            # in order of preference
bus = "usb"           # the dock

[[member]]
kind = "wifi"
wpa_conf = "%s"

[ipv4]
method = "dhcp"
`

// demo boots the lab and runs itself there.
func demo(c *cli.Context) error {
	if c.NArg() > 0 {
		return errors.New("demo takes no arguments")
	}
	if netnstest.InGuest() {
		return inLab(narrate)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	fmt.Println("Booting a virtual machine with Debian's kernel ...")
	return boot(c.Context, []string{noDocs, bondctlPackage}, self, "demo")
}

// narrate is the demonstration.
func narrate(t *session) error {
	s := &stage{t: t, m: netnstest.NewMachine(t, netnstest.Private("/etc/bondctl"))}
	s.m.LAN().DHCP()
	dock := s.m.USBDock()
	wifi := s.m.Radio()
	wifi.StartAP()
	if err := s.write(fmt.Sprintf(config, wifi.Config(netnstest.Control))); err != nil {
		return err
	}
	s.say("A laptop sits in its dock: usb0 is the dock's Ethernet, wlan0 the Wi-Fi. Both lead to the same",
		"LAN, where a DHCP server lends addresses and "+netnstest.LANAddr+" answers pings.")
	s.run("ip", "-brief", "link")
	s.say("What is wanted:")
	s.run("cat", configFile)

	s.say("The only command that is needed:")
	s.bondctl("up")
	s.waitActive("usb0")
	netnstest.Eventually(t, wifi.Associated)
	s.waitUp("wlan0")
	s.say("A moment later the keeper has had an address lent, and the Wi-Fi is associated.")
	s.ping = s.m.Ping(200 * time.Millisecond)
	netnstest.Eventually(t, s.ping.Answered)
	stream := s.m.Stream()
	netnstest.Eventually(t, stream.Moved)
	s.bondctl("status")
	s.say("From here on a ping runs, five a second, and a TCP connection carries numbered lines.")
	s.tellLost()

	s.say("The laptop is lifted out of the dock. usb0 is gone.")
	dock.Remove()
	s.waitActive("wlan0")
	netnstest.Eventually(t, s.ping.Answered)
	netnstest.Eventually(t, stream.Moved)
	s.bondctl("status")
	s.tellLost()

	s.say("Back into the dock. usb0 is another device to the kernel now; the keeper takes it in. The dock's",
		"port gets a few seconds to start forwarding (updelay) before it takes over ...")
	dock.Insert()
	s.waitActive("usb0")
	netnstest.Eventually(t, s.ping.Answered)
	netnstest.Eventually(t, stream.Moved)
	s.bondctl("status")
	s.tellLost()
	s.say("What the keeper saw:")
	s.bondctl("events")

	s.say("Enough. Ping and connection end, and the bond is taken away:")
	total, lines := s.ping.Stop(), stream.Stop()
	s.bondctl("down")
	s.run("ip", "-brief", "link")
	s.say(fmt.Sprintf("All in all %d of %d pings were lost; the longest silence was %v.",
		len(total.Lost), total.Sent, total.Longest.Round(10*time.Millisecond)),
		fmt.Sprintf("The connection carried %d lines and was never reset.", lines.Lines))
	return lines.Err
}

// stage is what the demonstration plays on.
type stage struct {
	t    *session
	m    *netnstest.Machine
	ping *netnstest.Ping
	told netnstest.Pinged // what tellLost told last
}

// write writes the configuration file.
func (s *stage) write(text string) (err error) {
	s.m.Do(func() { err = os.WriteFile(configFile, []byte(text), 0o644) })
	return err
}

func (s *stage) say(lines ...string) {
	fmt.Printf("\n# %s\n", strings.Join(lines, "\n# "))
}

// run shows a command and its output.
func (s *stage) run(name string, args ...string) {
	cmd := s.m.Command(name, args...)
	fmt.Println("$", strings.Join(cmd.Args, " "))
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stdout
	if err := cmd.Run(); err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
}

func (s *stage) bondctl(args ...string) { s.run("bondctl", args...) }

// waitActive waits until the bond sends by that member.
func (s *stage) waitActive(member string) {
	s.waitFile(filepath.Join(bond, "bonding", "active_slave"), member)
}

// waitUp waits until the bond would use the member: it has carrier, and its updelay is over.
func (s *stage) waitUp(member string) {
	s.waitFile(filepath.Join(member, "bonding_slave", "mii_status"), "up")
}

// waitFile waits until a file in /sys/class/net says what it should.
func (s *stage) waitFile(name, want string) {
	netnstest.Eventually(s.t, func() error {
		data, err := os.ReadFile(filepath.Join(s.m.Sys(), "class", "net", name))
		if err != nil {
			return err
		}
		if got := strings.TrimSpace(string(data)); got != want {
			return fmt.Errorf("%s is %q, want %q", name, got, want)
		}
		return nil
	})
}

// tellLost tells what was lost since it was last asked.
func (s *stage) tellLost() {
	now := s.ping.Result()
	sent, lost := now.Sent-s.told.Sent, len(now.Lost)-len(s.told.Lost)
	s.told = now
	fmt.Printf("  (ping: %d sent, %d lost)\n", sent, max(0, lost))
}
