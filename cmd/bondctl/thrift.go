package main

import (
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// beThrifty suits the runtime to a keeper, which sleeps nearly all the time and holds two
// megabytes. Huge pages would have it hold two more for each piece of its heap that it
// touches (Debian's kernel gives them to everybody); what it starts has none of them either
// (PR_SET_THP_DISABLE is inherited), which a wpa_supplicant doesn't miss. The collector comes
// before the heap is twice as large, at the least at 2 MB: it has next to nothing to do, seldom.
func beThrifty() {
	_ = unix.Prctl(unix.PR_SET_THP_DISABLE, 1, 0, 0, 0) // without it the keeper is larger, and all else is the same
	if os.Getenv("GOGC") == "" {                        // or somebody has said how it is to be
		debug.SetGCPercent(50)
	}
}

// giveMemoryBack returns what the start took and nothing needs any more.
func giveMemoryBack() { debug.FreeOSMemory() }
