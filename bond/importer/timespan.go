package importer

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// units are systemd's units of time in milliseconds (systemd.time(7)).
var units = map[string]float64{
	"us": 0.001, "usec": 0.001, "µs": 0.001, "ms": 1, "msec": 1,
	"s": 1000, "sec": 1000, "second": 1000, "seconds": 1000,
	"m": 60_000, "min": 60_000, "minute": 60_000, "minutes": 60_000, "h": 3_600_000, "hr": 3_600_000, "hour": 3_600_000, "hours": 3_600_000,
}

// span turns a time such as "1s 500ms" into milliseconds as bondctl takes them. plain is
// the unit of a number without one, in milliseconds. What isn't understood stays as it is,
// and is refused later.
func span(text string, plain float64) string {
	total, rest := 0.0, strings.TrimSpace(text)
	if rest == "" {
		return text
	}
	for rest != "" {
		end := strings.IndexFunc(rest, func(r rune) bool { return !unicode.IsDigit(r) && r != '.' })
		if end < 0 {
			end = len(rest)
		}
		n, err := strconv.ParseFloat(rest[:end], 64)
		if err != nil {
			return text
		}
		rest = strings.TrimSpace(rest[end:])
		end = strings.IndexFunc(rest, func(r rune) bool { return unicode.IsDigit(r) || unicode.IsSpace(r) })
		if end < 0 {
			end = len(rest)
		}
		unit := plain
		if end > 0 {
			named, known := units[rest[:end]]
			if !known {
				return text
			}
			unit = named
		}
		total, rest = total+n*unit, strings.TrimSpace(rest[end:])
	}
	if total != math.Trunc(total) || total > math.MaxInt32 {
		return text
	}
	return fmt.Sprint(int64(total))
}
