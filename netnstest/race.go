//go:build race

package netnstest

const raceEnabled = true
