package backoff

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestNext(t *testing.T) {
	for name, tt := range map[string]struct {
		backoff Backoff
		want    []time.Duration // in seconds
	}{
		"by default":         {Backoff{}, []time.Duration{1, 2, 4, 8, 16, 32, 60, 60}},
		"as DHCP has it":     {Backoff{First: 4 * time.Second, Last: 64 * time.Second}, []time.Duration{4, 8, 16, 32, 64, 64}},
		"first is the last":  {Backoff{First: time.Minute}, []time.Duration{60, 60}},
		"less than a minute": {Backoff{Last: 3 * time.Second}, []time.Duration{1, 2, 3, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 {
				var got []time.Duration
				for range tt.want {
					got = append(got, tt.backoff.Next()/time.Second)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
				tt.backoff.Reset()
			}
		})
	}
}
