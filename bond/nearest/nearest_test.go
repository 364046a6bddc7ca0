package nearest

import "testing"

func TestWord(t *testing.T) {
	words := []string{"mac", "mtu", "member", "miimon", "primary", "primary_reselect"}
	for _, tt := range []struct{ name, misspelt, want string }{
		{"itself", "member", "member"},
		{"a letter left out", "mimon", "miimon"},
		{"a letter too many", "members", "member"},
		{"two letters changed places", "primray", "primary"},
		{"another sign", "primary-reselect", "primary_reselect"},
		{"upper case", "Miimon", "miimon"},
		{"three letters away", "memory", ""},
		{"the nearer of two", "primary_reselct", "primary_reselect"},
		{"a short word is near to every other", "mt", ""},
		{"nothing", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Word(tt.misspelt, words); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
