package importer

import (
	"slices"
	"strings"
)

var secretParts = []string{"psk", "passw", "passphrase", "wep-key", "wep_key", "wep-tx", "secret", "-pin", "wireless-key", "private-key", "privatekey", "private_key", " key "}

// isSecret says whether a key's value is one or, of a line, whether it may have one.
func isSecret(text string) bool {
	text = strings.ToLower(text)
	isKey := strings.HasPrefix(text, "key") && strings.Trim(text[3:], "0123456789_") == "" // of WEP, in ifcfg
	return isKey || slices.ContainsFunc(secretParts, func(part string) bool { return strings.Contains(text, part) })
}
