// Package suite has every test that needs a kernel: they are one package, so that they share one boot
// of the lab (see netnstest) and the verbs with which they drive bondctl and ask the kernel.
package suite

import (
	"flag"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
)

// long asks for the whole form of the tests that otherwise take a sample.
var long = flag.Bool("long", false, "run every order, a thousand cycles and a minute of silence, not a sample of them")

func TestMain(m *testing.M) {
	netnstest.Main(m, netnstest.Programs("-tags=urfave_cli_no_docs", "./cmd/bondctl"))
}

// sample is the size of a test: that of its whole form with -long.
func sample[T any](short, whole T) T {
	if *long {
		return whole
	}
	return short
}
