package hook

import (
	"strconv"
	"strings"
	"time"

	"github.com/bondctl/bondctl/bond"
)

// environment is all of a hook's environment.
func environment(e bond.Event) []string {
	env := []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C"}
	for _, v := range [][2]string{
		{"EVENT", string(e.Event)},
		{"BOND", e.Bond},
		{"FROM", text(e.From)},
		{"TO", text(e.To)},
		{"REASON", text(e.Reason)},
		{"MESSAGE", text(e.Message)},
		{"SWITCH_MS", number(e.SwitchMS)},
		{"TIME", e.Time.Format(time.RFC3339Nano)},
		{"SEQ", number(&e.Seq)},
		{"COUNT", number(&e.Count)},
	} {
		env = append(env, "BONDCTL_"+v[0]+"="+escaped(v[1]))
	}
	return env
}

func text[T ~string](p *T) string {
	if p == nil {
		return ""
	}
	return string(*p)
}

func number(p *int) string {
	if p == nil {
		return ""
	}
	return strconv.Itoa(*p)
}

// escaped escapes as in C what isn't printable: an interface may be called
// almost anything, and a zero byte would end the variable.
func escaped(s string) string {
	q := strconv.Quote(s)
	return strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
}
