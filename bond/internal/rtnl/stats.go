package rtnl

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Received counts the packets that a link has received since it was made (rx_packets of
// IFLA_STATS_LINK_64). Of a bond they are those of its slaves, past ones too.
func (c *Conn) Received(link int) (count uint64, err error) {
	ask := make([]byte, 4, sizeofIfStatsMsg) // family and padding
	ask = appendNumber(ask, uint32(link))
	ask = appendNumber(ask, 1<<(unix.IFLA_STATS_LINK_64-1)) // as IFLA_STATS_FILTER_BIT has it
	err = c.request(unix.RTM_GETSTATS, 0, ask, func(answer []byte) { count = parseReceived(answer) })
	if err != nil {
		return 0, fmt.Errorf("count what link %d has received: %w", link, err)
	}
	return count, nil
}

// sizeofIfStatsMsg is the size of struct if_stats_msg.
const sizeofIfStatsMsg = 12

// parseReceived reads rx_packets, the first of struct rtnl_link_stats64; 0 where it isn't there.
func parseReceived(answer []byte) (count uint64) {
	if len(answer) < sizeofIfStatsMsg {
		return 0
	}
	_ = EachAttr(answer[sizeofIfStatsMsg:], func(kind uint16, value []byte) {
		if kind == unix.IFLA_STATS_LINK_64 && len(value) >= 8 {
			count = hostOrder.Uint64(value)
		}
	})
	return count
}
