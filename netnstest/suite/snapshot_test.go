package suite

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
)

// snapshot is all that an up which failed must leave as it was.
type snapshot struct {
	// Links has, by name, what the ip program says of each link, its addresses included: a reader
	// that shares no code with bondctl.
	Links  map[string]map[string]any
	Routes []string
	// Files are bondctl's own, except the apply lock, which is never removed.
	Files map[string]string
}

// volatile are the keys of ip's JSON that the kernel changes for good, whoever undoes what.
var volatile = []string{
	"qdisc",              // a device keeps the queueing discipline that it got when it was first up
	"link_failure_count", // a slave that was let go and taken in again is a new one to the driver
	"tso_max_size",       // a bond keeps what its last slaves could do
}

// takeSnapshot takes a snapshot of a host.
func takeSnapshot(t *testing.T, h *netnstest.Host) snapshot {
	t.Helper()
	s := snapshot{Links: make(map[string]map[string]any), Files: make(map[string]string)}
	var links []map[string]any
	if err := json.Unmarshal([]byte(h.Run("ip", "-d", "-j", "address", "show")), &links); err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		normalize(link)
		s.Links[link["ifname"].(string)] = link
	}
	routes, err := h.Netlink().RouteListFiltered(netlink.FAMILY_ALL, &netlink.Route{}, netlink.RT_FILTER_TABLE)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range routes {
		s.Routes = append(s.Routes, r.String())
	}
	slices.Sort(s.Routes)
	h.Do(func() { err = s.readFiles("/run/bondctl") })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// normalize drops what is volatile, and gives lists a fixed order: none of ip's has a meaning.
func normalize(v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range volatile {
			delete(v, key)
		}
		for _, inner := range v {
			normalize(inner)
		}
	case []any:
		for _, inner := range v {
			normalize(inner)
		}
		slices.SortFunc(v, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	}
}

func (s *snapshot) readFiles(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if os.IsNotExist(err) || err == nil && (d.IsDir() || d.Name() == "lock") {
			return nil
		}
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		s.Files[path] = string(bytes.TrimSpace(data))
		return err
	})
}

// asBefore is a condition for Eventually: the host is as in the snapshot. It may take a moment: the
// kernel tells of carrier, and generates link-local addresses, in its own time.
func asBefore(t *testing.T, h *netnstest.Host, before snapshot) func() error {
	return func() error {
		if diff := cmp.Diff(before, takeSnapshot(t, h)); diff != "" {
			return fmt.Errorf("not as before (-before +after):\n%s", diff)
		}
		return nil
	}
}
