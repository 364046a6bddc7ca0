package suite

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/bondctl/bondctl/netnstest"
)

// Programs of plain TCP, which know nothing of MPTCP: one sends numbered lines, the other sends them back, and a dot is
// written for each that is the next. The lines are long, for it takes the kernel 64 KiB to try another subflow than
// the last one (MPTCP_SEND_BURST_SIZE).
const (
	plainServer = `use IO::Socket::INET;
$| = 1;
my $listener = IO::Socket::INET->new(LocalAddr => $ARGV[0], Listen => 1) or die "listen: $@";
print "listening\n";
my $conn = $listener->accept or die "accept: $!";
$conn->autoflush(1);
while (my $line = <$conn>) { print $conn $line }
`
	plainClient = `use IO::Socket::INET;
$| = 1;
my $conn = IO::Socket::INET->new(PeerAddr => $ARGV[0]) or die "connect: $@";
$conn->autoflush(1);
if (fork) {
	for (my $want = 1; my $line = <$conn>; $want++) {
		die "got $line in place of line $want" unless $line =~ /^$want /;
		print ".";
	}
	die "the connection has ended";
}
for (my $number = 1; print $conn "$number ", "x" x 2000, "\n"; $number++) { select undef, undef, undef, 0.02 }
`
)

// testRoutesMPTCPize: the connection of a plain program that Debian's mptcpize runs goes on over the Wi-Fi of another
// network while the cable is out (in the long form also its NIC), and is by cable again afterwards.
func testRoutesMPTCPize(t *testing.T) {
	needsMPTCP(t)
	m := netnstest.NewMachine(t)
	for _, n := range []*netnstest.Namespace{m.Namespace, m.LAN().Namespace} {
		n.Unpack("mptcpize", "libmptcpwrap0")
	}
	dock := m.PCIDock(netnstest.VirtioNet)
	wifi := m.RadioTo(m.OtherLAN())
	wifi.StartAP()
	m.LAN().DHCP()
	m.OtherLAN().DHCP()
	joinLANs(m.Host)
	file := filepath.Join(t.TempDir(), "uplink.toml")
	writeFile(t, file, fmt.Sprintf("strategy = \"routes\"\nmptcp = true\nupdelay = 200\n[[member]]\nname = \"eth0\"\n"+
		"[[member]]\nkind = \"wifi\"\nwpa_conf = %q\n", wifi.Config(netnstest.Control)))
	limits := m.Run("ip", "mptcp", "limits")
	succeeds(t, m.Host, "up", "uplink", "--config", file)
	defer bondctl(t, m.Host, "down", "uplink")
	netnstest.Eventually(t, serves(t, m.Host, "eth0", "ok"))

	const addr = "203.0.113.1:7"
	server := mptcpize(m.LAN().Namespace, plainServer, addr)
	netnstest.Eventually(t, wrote(server, "listening"))
	s := &plainStream{host: m.Host, client: mptcpize(m.Namespace, plainClient, addr)}
	netnstest.Eventually(t, hasSubflows(m.Host, 2))
	netnstest.Eventually(t, s.by(m.LAN()))
	for range sample(1, 5) {
		// The kernel tells the server of an address that is gone over whichever subflow comes first, be it the one that
		// is gone as well (6.1); then the server may have no room for the new one. So it's for the long form.
		for _, way := range []struct{ lose, regain func() }{{dock.Pull, dock.Plug}, {dock.Remove, dock.Insert}}[:sample(1, 2)] {
			away := s.goesOver(t, m.OtherLAN(), way.lose)
			back := s.goesOver(t, m.LAN(), way.regain)
			t.Logf("over Wi-Fi after %v, by cable again after %v", away, back)
			netnstest.Eventually(t, serves(t, m.Host, "eth0", "ok"))
		}
	}
	t.Log("\n" + m.Run("ss", "-HOtin", "dst", "203.0.113.1") + m.Run("ip", "mptcp", "endpoint"))
	succeeds(t, m.Host, "down", "uplink")
	if left, now := m.Run("ip", "mptcp", "endpoint"), m.Run("ip", "mptcp", "limits"); left != "" || now != limits {
		t.Errorf("down leaves %q, limits %q (before %q)", left, now, limits)
	}
}

// mptcpize has Debian's program of that name run a Perl program. It only puts a library before the C library, which Go
// doesn't use.
func mptcpize(n *netnstest.Namespace, program, addr string) *netnstest.Process {
	return n.Start("/usr/bin/mptcpize", "run", "/usr/bin/perl", "-e", program, addr)
}

// A plainStream is the connection of plainClient.
type plainStream struct {
	host   *netnstest.Host
	client *netnstest.Process
}

// goesOver does what has the stream go over to a network, and says how long that took.
func (s *plainStream) goesOver(t *testing.T, to *netnstest.LAN, do func()) time.Duration {
	t.Helper()
	began := time.Now()
	do()
	netnstest.Eventually(t, s.by(to))
	return time.Since(began).Round(10 * time.Millisecond)
}

// by is a condition for Eventually: between one call and the next the stream has moved, and over that network alone.
func (s *plainStream) by(lan *netnstest.LAN) func() error {
	var lines int
	var carried map[netip.Addr]int
	return func() error {
		select {
		case <-s.client.Done():
			return errors.New("the stream has ended")
		default:
		}
		wasLines, was := lines, carried
		lines, carried = len(s.client.Output()), s.carried()
		var over []netip.Addr
		for addr, bytes := range carried {
			if bytes > was[addr] {
				over = append(over, addr)
			}
		}
		if was == nil || lines == wasLines || len(over) != 1 || !lan.Addr.Masked().Contains(over[0]) {
			return fmt.Errorf("%d lines, %d at the last look, over %v\n%s", lines, wasLines, over, s.host.Run("ss", "-HOtin", "dst", "203.0.113.1"))
		}
		return nil
	}
}

// An ssLine tells of a TCP connection's own address; ssBytes finds how many bytes went there and came back.
var (
	ssLine  = regexp.MustCompile(`(?m)^.* ([0-9.]+)(?:%\S+)?:\d+ +203\.0\.113\.1:7 .*$`)
	ssBytes = regexp.MustCompile(`bytes_(?:acked|received):(\d+)`)
)

// carried are the bytes that the stream's subflows have carried, by their own addresses.
func (s *plainStream) carried() map[netip.Addr]int {
	bytes := map[netip.Addr]int{}
	for _, line := range ssLine.FindAllStringSubmatch(s.host.Run("ss", "-HOtin", "dst", "203.0.113.1"), -1) {
		for _, number := range ssBytes.FindAllStringSubmatch(line[0], -1) {
			n, _ := strconv.Atoi(number[1])
			bytes[netip.MustParseAddr(line[1])] += n
		}
	}
	return bytes
}
