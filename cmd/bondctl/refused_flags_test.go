package main

import "testing"

func TestRefusedFlags(t *testing.T) {
	refuse(t, upAlone, []refusal{
		{
			name: "wait a number",
			args: []string{"--wait", "5"},
			want: `--wait: "5" is not a duration; write one such as 10s, or 0`,
			hint: "bondctl up --help",
		},
		{
			name: "wait a word",
			args: []string{"--wait", "forever"},
			want: `--wait: "forever" is not a duration; write one such as 10s, or 0`,
			hint: "bondctl up --help",
		},
		{
			name: "wait negative",
			args: []string{"--wait", "-1s"},
			want: `--wait: "-1s" is not a duration; write one such as 10s, or 0`,
			hint: "bondctl up --help",
		},
		{name: "wait empty", args: []string{"--wait="}, want: `--wait: "" is not a duration; write one such as 10s, or 0`, hint: "bondctl up --help"},
		{name: "no such file", args: []string{"--config", "nosuch.toml"}, want: `--config: "nosuch.toml": no such file or directory`},
		{name: "a folder for a file", args: []string{"--config", "."}, want: `--config: ".": is a directory`},
		{name: "no file", args: []string{"--config", ""}, want: `--config: "": no such file or directory`},
		{
			name: "unknown flag",
			args: []string{"--members", "nope1"},
			want: "unknown flag --members of up; did you mean --member?",
			hint: "bondctl up --help",
		},
		{name: "unknown flag that is near none", args: []string{"--frobnicate"}, want: "unknown flag --frobnicate of up", hint: "bondctl up --help"},
		{
			name: "underscores",
			args: []string{"--primary_reselect=better"},
			want: "unknown flag --primary_reselect of up; did you mean --primary-reselect?",
			hint: "bondctl up --help",
		},
		{name: "one dash", args: []string{"-x"}, want: "unknown flag -x of up", hint: "bondctl up --help"},
		{name: "three dashes", args: []string{"---once"}, want: "unknown flag ---once of up; did you mean --once?", hint: "bondctl up --help"},
		{name: "no flag at all", args: []string{"-=1"}, want: "unknown flag - of up", hint: "bondctl up --help"},
		{name: "no value", args: []string{"--member"}, want: "--member wants a value, as in --member NAME[,prio=N]", hint: "bondctl up --help"},
		{
			name: "value for a switch",
			args: []string{"--once=true"},
			want: `--once takes no value, and was given "true"; write --once alone`,
			hint: "bondctl up --help",
		},
		{name: "a flag of another verb", args: []string{"--force"}, want: "unknown flag --force of up", hint: "bondctl up --help"},
	})
}
func TestRefusedForNow(t *testing.T) {
	refuse(t, upMember, []refusal{
		{name: "verify", args: []string{"--verify"}, want: "--verify: not supported yet; leave it out", hint: "bondctl up --help"},
		{name: "confirm", args: []string{"--confirm"}, want: "--confirm: not supported yet; leave it out", hint: "bondctl up --help"},
		{name: "take-over", args: []string{"--take-over"}, want: "--take-over: not supported yet; leave it out", hint: "bondctl up --help"},
	})
}
