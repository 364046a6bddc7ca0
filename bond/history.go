package bond

import (
	"context"
	"fmt"

	"github.com/bondctl/bondctl/bond/internal/statedir"
)

// History is what a bond's keepers saw since it was made, the oldest first and
// the latest 256 events at most.
func (h *Host) History(name string) ([]Event, error) {
	return statedir.HistoryOf[Event](h.store.of(name)).Read()
}

// FollowHistory returns a channel that gets an item when a bond's history may have
// grown. It is closed when ctx ends.
func (h *Host) FollowHistory(ctx context.Context, name string) (<-chan struct{}, error) {
	grown, err := h.store.follow(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("watch the history of %s: %w", name, err)
	}
	return grown, nil
}
