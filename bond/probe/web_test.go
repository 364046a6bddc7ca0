package probe

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestIsAnswer(t *testing.T) {
	for _, tt := range []struct {
		line string
		ok   bool
	}{
		{"HTTP/1.1 200 OK\r\n", true},
		{"HTTP/1.0 204\r\n", true},
		{"HTTP/1.1 302 Found\r\n", false},
		{"HTTP/1.1 404 Not Found\r\n", false},
		{"HTTP/1.1 2x4\r\n", false},
		{"HTTP/2 200\r\n", false},
		{"220 mail.example.org\r\n", false},
		{"\n", false},
		{"HTTP/1.1 200 " + strings.Repeat("long ", 100) + "\r\n", true},
	} {
		if err := isAnswer(bufio.NewReaderSize(strings.NewReader(tt.line), 128).ReadSlice('\n')); (err == nil) != tt.ok {
			t.Errorf("%q: %v", tt.line, err)
		}
	}
}

func FuzzIsAnswer(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\n"))
	f.Fuzz(func(_ *testing.T, line []byte) { _ = isAnswer(line, nil) })
}

// TestWeb asks a server over the loopback interface; one that says nothing is given up.
func TestWeb(t *testing.T) {
	for _, tt := range []struct {
		name, answer string
		ok           bool
	}{
		{"it answers", "HTTP/1.1 204 No Content\r\n\r\n", true},
		{"a captive portal", "HTTP/1.1 302 Found\r\nLocation: http://portal/\r\n\r\n", false},
		{"silence", "", false},
	} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		asked := make(chan string, 1)
		go func() {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			line, _ := bufio.NewReader(conn).ReadString('\n')
			asked <- line
			_, _ = fmt.Fprint(conn, tt.answer)
			if tt.answer != "" {
				conn.Close()
			}
		}()
		u, err := url.Parse(fmt.Sprintf("http://%s/generate_204?a=1", listener.Addr()))
		if err != nil {
			t.Fatal(err)
		}
		limit := 10 * time.Second
		if tt.answer == "" {
			limit = 50 * time.Millisecond
		}
		if err := newWeb("lo", u, nil, limit).fetch(context.Background()); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
		if tt.answer != "" {
			if line := <-asked; line != "GET /generate_204?a=1 HTTP/1.1\r\n" {
				t.Errorf("%s: it is asked %q", tt.name, line)
			}
		}
		listener.Close()
	}
}
