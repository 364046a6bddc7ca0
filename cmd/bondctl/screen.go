package main

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/bondctl/bondctl/bond"
)

// A screen is where a status is drawn. Only a terminal has colours, and is redrawn.
type screen struct {
	*output
	width           int
	terminal, color bool
}

// plainWidth is the width where there is no terminal.
const plainWidth = 80

func newScreen(w io.Writer) screen {
	s := screen{output: w.(*output), width: plainWidth}
	f, ok := s.Writer.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return s
	}
	s.terminal = true
	s.color = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
		s.width = width
	}
	return s
}

// clear clears a terminal, by ECMA-48's cursor home and erase display.
func (s screen) clear() {
	if s.terminal {
		fmt.Fprint(s, "\x1b[H\x1b[2J")
	}
}

func (s screen) paint(h bond.Health, text string) string {
	if !s.color {
		return text
	}
	color := map[bond.Health]string{bond.HealthOK: "32", bond.HealthDegraded: "33", bond.HealthDown: "31"}[h]
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

// status draws one bond on one screen.
func (s screen) status(st bond.Status) {
	fmt.Fprintln(s, s.paint(st.Health, s.fit(statusLine(st))))
	for _, row := range s.rows(st) {
		if row[1] == "" {
			continue
		}
		for i, line := range wrap(printable(row[1]), s.width-len("  health   ")) {
			label := row[0]
			if i > 0 {
				label = ""
			}
			fmt.Fprintf(s, "  %-8s %s\n", label, line)
		}
	}
	if len(st.Members) > 0 {
		fmt.Fprintln(s)
		s.members(st)
	}
}

// rows are what is said of a bond, or of a group of the strategy routes, above its members.
func (s screen) rows(st bond.Status) [][2]string {
	first := [][2]string{
		{"trial", trialText(st)},
		{"health", fmt.Sprintf("%s: %s", st.Health, st.HealthReason)},
		{"policy", policy(st)},
	}
	if st.Strategy == bond.StrategyRoutes {
		return append(first, [2]string{"paths", pathsText(st)}, [2]string{"delays", fmt.Sprintf("updelay %s ms, downdelay %s ms", ms(st.Updelay), ms(st.Downdelay))})
	}
	return append(first, [][2]string{
		{"better", betterText(st)},
		{"monitor", monitor(st)},
		{"paths", pathsText(st)},
		{"mac", fmt.Sprintf("%s (fail_over_mac %s), mtu %d", orDash(st.Address.String()), word(st.FailOverMAC), st.MTU)},
		{"address", addresses(st)},
		{"lease", lease(st)},
	}...)
}

// trialText says that a change may still be put back; "" where none may.
func trialText(st bond.Status) string {
	switch t := st.Trial; {
	case t == nil:
		return ""
	case t.Abandoned:
		return "its last change was cut short, and its guardian as well: the next up or down puts it back"
	case t.Confirm:
		return fmt.Sprintf("until %s; bondctl confirm %s keeps it, or else it is put back", t.Until.Local().Format(time.TimeOnly), st.Name)
	case t.Drill:
		return "a drill rehearses its failovers, and puts it back as it was"
	default:
		return "it is being changed, and put back if that doesn't work"
	}
}

// statusLine is the status in one line.
func statusLine(st bond.Status) string {
	name := printable(st.Name)
	switch {
	case st.Active != nil:
		return fmt.Sprintf("%s: %s, %s active (%s)", name, st.Health, printable(*st.Active), because(st))
	case st.Strategy == bond.StrategyRoutes:
		return fmt.Sprintf("%s: %s, no active member", name, st.Health)
	}
	if st.Mode != "active-backup" {
		return fmt.Sprintf("%s: %s, mode %s", name, st.Health, st.Mode)
	}
	return fmt.Sprintf("%s: %s, no active slave", name, st.Health)
}

// healthLine is the status in one line, and why it isn't ok.
func healthLine(st bond.Status) string {
	if st.Health == bond.HealthOK {
		return statusLine(st)
	}
	return statusLine(st) + ": " + printable(st.HealthReason)
}

// because says in words why the active slave is the active one.
func because(st bond.Status) string {
	switch *st.ActiveReason {
	case bond.ReasonPrimary:
		return "the primary"
	case bond.ReasonPrio:
		if st.Strategy == bond.StrategyRoutes {
			return "the first in order"
		}
		return "highest prio"
	case bond.ReasonOnlyLink:
		return "the only link"
	case bond.ReasonManual:
		return "chosen by hand"
	case bond.ReasonPath:
		return "by its path"
	case bond.ReasonHeld:
		if st.Strategy == bond.StrategyRoutes && word(st.PrimaryReselect) == "always" {
			return "until updelay is over"
		}
		return "held by primary_reselect " + word(st.PrimaryReselect)
	}
	return "the kernel's choice"
}

func policy(st bond.Status) string {
	text := st.Mode
	if st.Strategy == bond.StrategyRoutes {
		text = "strategy routes"
	} else if st.Mode != "active-backup" {
		return text
	}
	text += ", primary_reselect " + word(st.PrimaryReselect)
	if st.Primary != nil {
		return text + ", primary " + *st.Primary
	}
	return text + ", no primary"
}

// betterText says by what the keeper chooses, in the kernel's place.
func betterText(st bond.Status) string {
	if st.Better == nil {
		return ""
	}
	return "the keeper decides, for the kernel doesn't know each speed: " + printable(*st.Better)
}

// pathsText says who is asked behind the members' links, and over which of them somebody answers; "" where
// paths aren't watched.
func pathsText(st bond.Status) string {
	if st.Probe == nil {
		return ""
	}
	var asked, known []string
	for _, m := range st.Members {
		if m.Path == nil {
			continue
		}
		if asked = m.Path.Targets; st.Strategy == bond.StrategyRoutes && slices.Equal(st.Probe.Target, []string{"gateway"}) {
			asked = []string{"each one's gateway"}
		}
		known = append(known, printable(m.Name)+" "+pathText(*m.Path))
	}
	every := fmt.Sprintf("every %d ms", int(st.Probe.Interval))
	if known == nil {
		return fmt.Sprintf("none watched now; %s is asked %s", strings.Join(st.Probe.Target, ", "), every)
	}
	return fmt.Sprintf("%s is asked %s: %s", strings.Join(asked, ", "), every, strings.Join(known, ", "))
}

// pathText is what is known of one path.
func pathText(p bond.PathStatus) string {
	text := string(p.State)
	if p.RTT != nil && p.State != "dead" {
		text += fmt.Sprintf(" %.1f ms", *p.RTT)
	}
	if p.Loss != nil && *p.Loss > 0 {
		text += fmt.Sprintf(" (%d%% lost)", *p.Loss)
	}
	return text
}

func monitor(st bond.Status) string {
	if interval := ms(st.ARPInterval); interval != "0" && interval != "-" {
		var targets []string
		for _, t := range append(st.ARPIPTarget, st.NSIP6Target...) {
			targets = append(targets, t.String())
		}
		return fmt.Sprintf("arp_interval %s ms, arp_validate %s, asking %s", interval, word(st.ARPValidate), strings.Join(targets, ", "))
	}
	return fmt.Sprintf("miimon %s ms, updelay %s ms, downdelay %s ms", ms(st.Miimon), ms(st.Updelay), ms(st.Downdelay)) + fastFailover(st)
}

// fastFailover says whether the keeper is faster than miimon; nothing without a keeper.
func fastFailover(st bond.Status) string {
	switch {
	case st.FastFailover == nil || st.ActiveSince == nil:
		return ""
	case !*st.FastFailover:
		return ", fast_failover false"
	case ms(st.Downdelay) != "0":
		return ", fast_failover idle for downdelay"
	}
	return ", fast_failover"
}

func addresses(st bond.Status) string {
	if len(st.Addresses) == 0 {
		return "none"
	}
	var list []string
	for _, a := range st.Addresses {
		list = append(list, a.String())
	}
	return strings.Join(list, ", ")
}

// lease says until when the leased address holds; nothing without one.
func lease(st bond.Status) string {
	if st.Lease == nil {
		return ""
	}
	return fmt.Sprintf("%s from %s, until %s", st.Lease.Address, st.Lease.Server, st.Lease.Expiry.Local().Format(time.DateTime))
}

// members draws a table with a row for each member.
func (s screen) members(st bond.Status) {
	rows := [][]string{{"MEMBER", "ROLE", "LINK", "SPEED", "PRIO", "FAILURES", "DETAIL"}}
	if st.Strategy == bond.StrategyRoutes {
		rows = [][]string{{"MEMBER", "ROLE", "LINK", "METRIC", "TABLE", "ADDRESS", "GATEWAY", "DETAIL"}}
	}
	for _, m := range st.Members {
		row := []string{printable(m.Name), string(m.Role), linkWord(m)}
		if st.Strategy == bond.StrategyRoutes {
			row = append(row, number(m.Metric), number(m.Table), addressOf(m), hop(m.Gateway))
		} else {
			row = append(row, speed(m), number(m.Prio), number(m.LinkFailureCount))
		}
		rows = append(rows, append(row, detail(m)))
	}
	s.table(rows)
}

// policy draws the tables of a routing policy.
func (s screen) policy(tables []bond.PolicyTable) {
	for _, t := range tables {
		if len(t.Rows) > 0 {
			fmt.Fprintln(s)
			s.table(append([][]string{t.Title}, t.Rows...))
		}
	}
}

// table draws rows in columns. The last one takes the rest of the width.
func (s screen) table(rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString("  " + cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)))
		}
		fmt.Fprintln(s, s.fit(strings.TrimRight(line.String(), " ")))
	}
}

// linkWord is the link as the bond sees it, or else as the device does.
func linkWord(m bond.MemberStatus) string {
	switch {
	case m.MIIStatus != nil:
		return *m.MIIStatus
	case m.Carrier == nil:
		return "-"
	case *m.Carrier:
		return "up"
	}
	return "down"
}

func speed(m bond.MemberStatus) string {
	if m.Speed == nil {
		return "-"
	}
	text := strconv.Itoa(*m.Speed) + " Mb/s"
	if m.Duplex != nil && *m.Duplex == "half" {
		text += " half"
	}
	return text
}

func detail(m bond.MemberStatus) string {
	switch {
	case m.PendingReason != nil && m.Role == bond.RolePending:
		return printable(*m.PendingReason)
	case m.Resting && m.WiFi == nil:
		return "Wi-Fi, at rest (cold)"
	case m.WiFi != nil:
		text := strconv.Quote(m.WiFi.SSID)
		if m.WiFi.Signal != nil {
			text += fmt.Sprintf(" %d dBm", *m.WiFi.Signal)
		}
		if m.WiFi.Bitrate != nil {
			text += fmt.Sprintf(" %.0f Mb/s", float64(*m.WiFi.Bitrate)/1e6)
		}
		return text
	case m.Kind != nil && *m.Kind == "wifi":
		return "Wi-Fi, not associated"
	case m.Driver != nil:
		return *m.Driver
	}
	return ""
}

func number[T int | uint32](n *T) string {
	if n == nil {
		return "-"
	}
	return strconv.FormatInt(int64(*n), 10)
}

// addressOf is a member's first address, and how many there are more.
func addressOf(m bond.MemberStatus) string {
	switch len(m.Addresses) {
	case 0:
		return "-"
	case 1:
		return m.Addresses[0].String()
	}
	return fmt.Sprintf("%s +%d", m.Addresses[0], len(m.Addresses)-1)
}

func hop(a *netip.Addr) string {
	if a == nil {
		return "-"
	}
	return a.String()
}

func ms(m *bond.Millis) string {
	if m == nil {
		return "-"
	}
	return strconv.Itoa(int(*m))
}

func word[T ~string](w *T) string {
	if w == nil {
		return "-"
	}
	return string(*w)
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// fit cuts a line to the screen's width.
func (s screen) fit(line string) string {
	if utf8.RuneCountInString(line) <= s.width {
		return line
	}
	return string([]rune(line)[:s.width-1]) + "…"
}

// wrap breaks text at spaces into lines of at most width runes.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= width:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	return append(lines, line)
}
