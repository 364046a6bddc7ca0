// Package nearest finds the word that somebody may have meant.
package nearest

import "github.com/xrash/smetrics"

// Word is the one of several words that a misspelt one is nearest to; "" where
// none is near. Near is a distance of two edits, and of fewer for a short word,
// which is near to every other.
func Word(misspelt string, words []string) string {
	nearest, least := "", min(3, len(misspelt)/3+1)
	for _, word := range words {
		if d := smetrics.WagnerFischer(misspelt, word, 1, 1, 1); d < least {
			nearest, least = word, d
		}
	}
	return nearest
}
