package netnstest_test

import (
	"testing"

	"github.com/bondctl/bondctl/netnstest"
)

func TestMain(m *testing.M) { netnstest.Main(m, netnstest.Programs("./cmd/bondctl")) }
