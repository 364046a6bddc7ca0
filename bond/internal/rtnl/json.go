package rtnl

import "encoding/json"

// Addresses, routes and rules are written as the kernel's message, beside which
// stands for people what it says.
type written struct {
	Text    string `json:"text"`
	Message []byte `json:"message"`
}

func read[T any](text []byte, parse func([]byte) (T, error)) (T, error) {
	var w written
	if err := json.Unmarshal(text, &w); err != nil {
		var zero T
		return zero, err
	}
	return parse(w.Message)
}

// MarshalJSON writes the address.
func (a Addr) MarshalJSON() ([]byte, error) {
	return json.Marshal(written{a.String(), a.request(a.lifetimes())})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (a *Addr) UnmarshalJSON(text []byte) (err error) {
	*a, err = read(text, parseAddr)
	return err
}

// MarshalJSON writes the route.
func (r Route) MarshalJSON() ([]byte, error) {
	return json.Marshal(written{r.String(), r.whole()})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (r *Route) UnmarshalJSON(text []byte) (err error) {
	*r, err = read(text, parseRoute)
	return err
}

// MarshalJSON writes the rule.
func (r Rule) MarshalJSON() ([]byte, error) {
	return json.Marshal(written{r.String(), r.request()})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (r *Rule) UnmarshalJSON(text []byte) (err error) {
	*r, err = read(text, parseRule)
	return err
}
