package doctor

import (
	"strconv"
	"strings"
)

// Credentials are what this process may do.
type Credentials struct {
	Root      bool
	Effective bool // it has CAP_NET_ADMIN
	Bounding  bool // it could have CAP_NET_ADMIN as root
}

// checkCapability tells of a root that may not change networks, as in a container. That a user
// has no privilege is no finding: sudo gives it.
func checkCapability(f *Facts) []Finding {
	c := f.Credentials
	if c == nil || c.Effective || c.Bounding && !c.Root {
		return nil
	}
	seen := "this process is root without CAP_NET_ADMIN"
	if !c.Bounding {
		seen = "no process here can have CAP_NET_ADMIN (it isn't in the bounding set)"
	}
	return []Finding{{Severity: Fails, Seen: seen,
		Why:  "the kernel lets nobody make or change a bond without it",
		Mend: "run it on the host, or give the container the capability (docker run --cap-add NET_ADMIN)"}}
}

// capNetAdmin is CAP_NET_ADMIN's bit (capabilities(7)).
const capNetAdmin = 12

// credentials reads those of this process.
func (r reader) credentials(f *Facts) {
	text, err := r.text("proc/self/status")
	if err != nil {
		f.unknown(err, "capability")
		return
	}
	f.Credentials = parseCredentials(text)
}

// parseCredentials reads /proc/PID/status (proc_pid_status(5)); nil where it tells nothing of
// capabilities.
func parseCredentials(text string) *Credentials {
	c, told := &Credentials{}, 0
	for line := range strings.Lines(text) {
		key, rest, _ := strings.Cut(line, ":")
		rest = strings.TrimSpace(rest)
		switch key {
		case "Uid":
			fields := strings.Fields(rest)
			c.Root = len(fields) > 1 && fields[1] == "0"
		case "CapEff", "CapBnd":
			set, err := strconv.ParseUint(rest, 16, 64)
			if err != nil {
				return nil
			}
			told++
			has := set&(1<<capNetAdmin) != 0
			if key == "CapEff" {
				c.Effective = has
			} else {
				c.Bounding = has
			}
		}
	}
	if told != 2 {
		return nil
	}
	return c
}
