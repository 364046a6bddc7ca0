package keeper

import "testing"

// Only the last wish counts, and nobody waits for it to be taken.
func TestWish(t *testing.T) {
	w := newWish[int]()
	for i := range 3 {
		w.put(i)
	}
	if got := <-w; got != 2 || len(w) != 0 {
		t.Errorf("got %d, and %d more", got, len(w))
	}
}
