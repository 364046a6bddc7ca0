package main

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestArrange(t *testing.T) {
	for _, tt := range []struct {
		name string
		args string
		want string
	}{
		{"nothing", "", ""},
		{"verb alone", "status", "status --"},
		{"flags first", "up --once bond1", "up --once -- bond1"},
		{"flags last", "up bond1 --once", "up --once -- bond1"},
		{"flags on both sides", "up --once bond1 --wait 0", "up --once --wait=0 -- bond1"},
		{"value with an equals sign", "up --member=eth0,prio=3", "up --member=eth0,prio=3 --"},
		{"value apart", "up --member eth0,prio=3", "up --member=eth0,prio=3 --"},
		{"value like a flag", "up --primary --once", "up --primary=--once --"},
		{"value of dashes", "up --primary --", "up --primary=-- --"},
		{"one dash", "up -once -wait=0", "up --once --wait=0 --"},
		{"flags of every verb behind it", "up --netns lab --verbose bond1", "--netns=lab --verbose up -- bond1"},
		{"flags of every verb before it", "--verbose --netns=lab up", "--verbose --netns=lab up --"},
		{"behind dashes", "switch -- bond1 --once", "switch -- bond1 --once"},
		{"dashes twice", "switch -- --", "switch -- --"},
		{"a dash is an argument", "switch - eth0", "switch -- - eth0"},
		{"a verb's name as an argument", "switch up down", "switch -- up down"},
		{"help as an argument", "down help", "down -- help"},
		{"version", "--version", "--version"},
		{"version by a letter", "-v", "--v"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			line, err := arrange(newApp(io.Discard, io.Discard), strings.Fields(tt.args))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, strings.Join(line.args(), " ")); diff != "" {
				t.Errorf("arranged (-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzArrange loses no argument, whatever it looks like, and what it has
// arranged it leaves as it is: a program that is started anew for a namespace
// gets the same command line.
func FuzzArrange(f *testing.F) {
	for _, line := range []string{
		"", "up", "up bond1 --once", "up\n--member\neth0\n--member\nwlan0", "--netns\nlab\nup\nbond1\n--wait=0", "switch\n--\n--once\n--",
		"up\n--primary\n--netns\n--netns\nx", "switch\n--\n--netns=x", "status\n--help", "-v", "-", "--", "-=", "--=x", "---once", "up\n--member",
		"down\nhelp", "--verbose=1", "help\nup", "up\n--dns\n\n--wait\n",
	} {
		f.Add(line)
	}
	app := newApp(io.Discard, io.Discard)
	f.Fuzz(func(t *testing.T, text string) {
		args := strings.Split(text, "\n")
		line, err := arrange(app, args)
		if err != nil {
			if _, ok := errors.AsType[*usageError](err); !ok {
				t.Errorf("%q: %T: %v", args, err, err)
			}
			return
		}
		arranged := line.args()
		kept := func(arg string) bool {
			return slices.ContainsFunc(arranged, func(a string) bool { return a == arg || strings.HasSuffix(a, "="+arg) })
		}
		for _, arg := range args {
			if !strings.HasPrefix(arg, "-") && !kept(arg) {
				t.Errorf("%q: %q is lost in %q", args, arg, arranged)
			}
		}
		again, err := arrange(app, arranged)
		if err != nil {
			t.Fatalf("%q: arranged as %q: %v", args, arranged, err)
		}
		if diff := cmp.Diff(arranged, again.args()); diff != "" {
			t.Errorf("%q: arranged twice (-once +twice):\n%s", args, diff)
		}
		inside := line.withoutNetns()
		if slices.ContainsFunc(inside.global, func(a string) bool { return strings.HasPrefix(a, "--netns") }) {
			t.Errorf("%q: %q still names a namespace", args, inside.args())
		}
		inside.global = line.global
		if diff := cmp.Diff(arranged, inside.args()); diff != "" {
			t.Errorf("%q: without the namespace, more differs (-with +without):\n%s", args, diff)
		}
	})
}

func TestWithoutNetns(t *testing.T) {
	for _, tt := range []struct {
		name, args, want string
	}{
		{"none", "--verbose status", "--verbose status --"},
		{"before the verb", "--netns lab --verbose status", "--verbose status --"},
		{"behind the verb", "status bond1 --netns=lab", "status -- bond1"},
		{"twice", "--netns lab status --netns room", "status --"},
		{"a value that looks like it", "--netns lab up --primary --netns", "up --primary=--netns --"},
		{"an argument that looks like it", "--netns lab switch -- --netns=x", "switch -- --netns=x"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			line, err := arrange(newApp(io.Discard, io.Discard), strings.Fields(tt.args))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, strings.Join(line.withoutNetns().args(), " ")); diff != "" {
				t.Errorf("inside the namespace (-want +got):\n%s", diff)
			}
		})
	}
}
