package statedir

import (
	"errors"
	"os"
	"slices"
	"testing"
)

// numbers are those from first to last.
func numbers(first, last int) (list []int) {
	for i := first; i <= last; i++ {
		list = append(list, i)
	}
	return list
}

// The history is bounded, on the disk as well.
func TestHistory(t *testing.T) {
	d := Of(t.TempDir(), "bond0")
	if err := d.Write(Public, 1); err != nil { // makes the folder
		t.Fatal(err)
	}
	h := HistoryOf[int](d)
	most := int64(0)
	for i := 1000; i < 3000; i += 2 {
		if err := h.Append(i, i+1); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(h.path)
		if err != nil {
			t.Fatal(err)
		}
		most = max(most, info.Size())
		if got, err := HistoryOf[int](d).Read(); err != nil || !slices.Equal(got, numbers(max(1000, i+2-HistoryLength), i+1)) {
			t.Fatalf("after %d: %v, %v", i, got, err)
		}
	}
	if want := int64(2 * HistoryLength * len("1000\n")); most > want {
		t.Errorf("the file had %d bytes, want %d at most", most, want)
	}
}

// A line that was cut short is none, and the next keeper's go on in one of their own.
func TestHistoryCutShort(t *testing.T) {
	d := Of(t.TempDir(), "bond0")
	if err := d.Write(Public, 1); err != nil {
		t.Fatal(err)
	}
	h := HistoryOf[int](d)
	if err := errors.Join(h.Append(1), h.Append(2, 3), os.WriteFile(h.path, []byte("1\n2\n3"), 0o644)); err != nil {
		t.Fatal(err)
	}
	if got, err := h.Read(); err != nil || !slices.Equal(got, []int{1, 2}) {
		t.Errorf("got %v, %v", got, err)
	}
	next := HistoryOf[int](d)
	if err := errors.Join(next.Append(4), next.Append(5)); err != nil {
		t.Fatal(err)
	}
	if got, err := h.Read(); err != nil || !slices.Equal(got, []int{1, 2, 4, 5}) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestHistoryDamaged(t *testing.T) {
	d := Of(t.TempDir(), "bond0")
	if err := errors.Join(d.Write(Public, 1), os.WriteFile(d.file(historyFile), []byte("{\n"), 0o644)); err != nil {
		t.Fatal(err)
	}
	h := HistoryOf[int](d)
	if _, err := h.Read(); err == nil {
		t.Error("half a line was read without an error")
	}
	if err := h.Append(1); err != nil {
		t.Fatal(err)
	}
	if got, err := h.Read(); err != nil || !slices.Equal(got, []int{1}) {
		t.Errorf("after the next event: %v, %v", got, err)
	}
}

// The last item that is meant is changed, and the others stay.
func TestHistoryAmend(t *testing.T) {
	d := Of(t.TempDir(), "bond0")
	if err := d.Write(Public, 1); err != nil {
		t.Fatal(err)
	}
	h := HistoryOf[int](d)
	if found, err := h.Amend(func(*int) bool { return true }); found || err != nil {
		t.Errorf("an empty history: %t, %v", found, err)
	}
	if err := h.Append(1, 2, 3, 2, 4); err != nil {
		t.Fatal(err)
	}
	negate := func(n *int) bool {
		is := *n == 2
		if is {
			*n = -2
		}
		return is
	}
	if found, err := h.Amend(negate); !found || err != nil {
		t.Errorf("%t, %v", found, err)
	}
	if found, err := h.Amend(func(n *int) bool { return *n == 7 }); found || err != nil {
		t.Errorf("nothing is meant: %t, %v", found, err)
	}
	if err := h.Append(5); err != nil {
		t.Fatal(err)
	}
	if got, err := HistoryOf[int](d).Read(); err != nil || !slices.Equal(got, []int{1, 2, 3, -2, 4, 5}) {
		t.Errorf("%v, %v", got, err)
	}
}
