package rtnl

import "encoding/json"

// Addresses, routes, rules and neighbours are written as a message, beside which stands for
// people what it says.
type written struct {
	Text    string `json:"text"`
	Message []byte `json:"message"`
	// Built says that the message isn't the kernel's.
	Built bool `json:"built,omitempty"`
}

func read[T any](text []byte, parse func([]byte) (T, error)) (value T, built bool, err error) {
	var w written
	if err := json.Unmarshal(text, &w); err != nil {
		return value, false, err
	}
	value, err = parse(w.Message)
	return value, w.Built, err
}

// MarshalJSON writes the address.
func (a Addr) MarshalJSON() ([]byte, error) {
	return json.Marshal(written{a.String(), a.request(a.lifetimes()), a.message == ""})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (a *Addr) UnmarshalJSON(text []byte) (err error) {
	value, built, err := read(text, parseAddr)
	if built {
		value.message = ""
	}
	*a = value
	return err
}

// MarshalJSON writes the route.
func (r Route) MarshalJSON() ([]byte, error) {
	return json.Marshal(written{r.String(), r.written(), r.message == ""})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (r *Route) UnmarshalJSON(text []byte) (err error) {
	value, built, err := read(text, parseRoute)
	if built {
		value.message = ""
	}
	*r = value
	return err
}

// MarshalJSON writes the rule.
func (r Rule) MarshalJSON() ([]byte, error) {
	return json.Marshal(written{r.String(), r.request(), r.message == ""})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (r *Rule) UnmarshalJSON(text []byte) (err error) {
	value, built, err := read(text, parseRule)
	if built {
		value.message = ""
	}
	*r = value
	return err
}

// MarshalJSON writes the neighbour.
func (n Neighbour) MarshalJSON() ([]byte, error) {
	return json.Marshal(written{n.String(), n.request(), false})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (n *Neighbour) UnmarshalJSON(text []byte) (err error) {
	*n, _, err = read(text, parseNeighbour)
	return err
}
