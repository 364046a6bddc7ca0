package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/manager"
)

// meddleTime bounds how long a status waits for network managers to say what they do.
const meddleTime = 2 * time.Second

// nameMeddlers adds to a bond's health who gave its slaves addresses of their own. One that
// doesn't answer isn't named.
func nameMeddlers(st *bond.Status) {
	var slaves []string
	for _, m := range st.Members {
		if len(m.Addresses) > 0 && slices.Contains(slavesOf(*st), m.Name) {
			slaves = append(slaves, m.Name)
		}
	}
	if slaves == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), meddleTime)
	defer cancel()
	holds, _ := manager.Holds(ctx, slaves)
	for _, h := range holds {
		st.HealthReason += "; " + meddler(h, st)
	}
}

// meddler says who looks after a slave, and what it gave it.
func meddler(h manager.Hold, st *bond.Status) string {
	who := h.Manager
	if h.Follows != "" {
		who += " (" + h.Follows + ")"
	}
	what := fmt.Sprintf("%s gave %s", who, h.Interface)
	for _, m := range st.Members {
		if m.Name == h.Interface {
			what += " " + m.Addresses[0].String()
		}
	}
	if h.Obstacle != "" {
		return what + ": " + h.Obstacle
	}
	return what + fmt.Sprintf(": bondctl up %s --take-over has it leave %s alone", st.Name, h.Interface)
}
