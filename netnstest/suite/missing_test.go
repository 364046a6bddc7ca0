package suite

import (
	"testing"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/google/go-cmp/cmp"
)

// TestMissing takes a bond away behind bondctl's back, which is what status
// --check is for.
func TestMissing(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eth0")
	up(t, h, "--member", "eth0")
	deleteLink(t, h, "bond0")
	const said = "bond0: configured, but there is no such bond\n"
	missing := func(indent string) string {
		return indent + "{\n" + indent + `  "name": "bond0",` + "\n" +
			indent + `  "error": "configured, but there is no such bond"` + "\n" + indent + "}\n"
	}
	for _, tt := range []struct {
		args []string
		want outcome
	}{
		{[]string{"status", "--check"}, outcome{Status: 2, Stdout: said}},
		{[]string{"status", "--check", "--json"}, outcome{Status: 2, Stdout: missing("")}},
		{[]string{"status", "--check", "--all"}, outcome{Status: 2, Stdout: said}},
		{[]string{"status", "--check", "--all", "--json"}, outcome{Status: 2, Stdout: "[\n" + missing("  ") + "]\n"}},
		{[]string{"status", "--all", "--json"}, outcome{Stdout: "[]\n"}},
		{[]string{"status", "--all"}, outcome{Stdout: said}},
	} {
		if diff := cmp.Diff(tt.want, bondctl(t, h, tt.args...)); diff != "" {
			t.Errorf("bondctl %q (-want +got):\n%s", tt.args, diff)
		}
	}
}
