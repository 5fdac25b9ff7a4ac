package revoxtest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Server is a simulated Revox API. Its methods are safe for concurrent use.
type Server struct {
	// URL is the base URL of the API, such as http://127.0.0.1:41234/api.
	URL string

	config config
	now    func() time.Time
	log    requestLog

	mu        sync.Mutex // never taken while a campaign's is held
	campaigns map[string]*served
	order     []string // of the campaign list
	faults    []*armedFault
	onPage    func(string, int)
	onLookup  func()

	listener net.Listener
	http     *http.Server
	client   *http.Client
	certPool *x509.CertPool
	closing  chan struct{}
	close    sync.Once
	running  sync.WaitGroup // what Close waits for
}

// NewServer starts a server on a free port of 127.0.0.1. It panics where it cannot. The caller closes it.
func NewServer(opts ...Option) *Server {
	s := &Server{
		config:    newConfig(opts),
		campaigns: map[string]*served{},
		closing:   make(chan struct{}),
	}
	s.now = s.config.now
	s.log.keep = s.config.keepRequest

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(fmt.Sprintf("revoxtest: %v", err))
	}
	s.URL = "http://" + listener.Addr().String() + "/api"
	transport := &http.Transport{}
	if s.config.tls {
		cert, pool, err := selfSigned()
		if err != nil {
			panic(fmt.Sprintf("revoxtest: %v", err))
		}
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{cert}})
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
		s.certPool = pool
		s.URL = "https" + s.URL[len("http"):]
	}
	s.client = &http.Client{Transport: transport}
	s.listener = listener
	s.http = &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          log.New(io.Discard, "", 0), // clients that go away are daily business here
		ConnState:         s.connState,
	}
	s.running.Go(func() { s.http.Serve(listener) })
	return s
}

// connState counts connections, so that Close can wait for their goroutines.
func (s *Server) connState(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.running.Add(1)
	case http.StateClosed, http.StateHijacked:
		s.running.Done()
	}
}

// Close ends the server, and with it every request under way, those that hang included. It returns when all that it
// started has ended.
func (s *Server) Close() {
	s.close.Do(func() {
		close(s.closing)
		s.http.Close()
		s.client.CloseIdleConnections()
	})
	s.running.Wait()
}

// Client returns a client that trusts the server's certificate. It does not add the API key.
func (s *Server) Client() *http.Client { return s.client }

// CertPool returns a pool that holds the certificate of a server made [WithTLS], else nil.
func (s *Server) CertPool() *x509.CertPool { return s.certPool }

// sleep waits in real time. It reports false where the request or the server ended before.
func (s *Server) sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
	case <-s.closing:
	}
	return false
}

// Now returns the time that the simulation goes by, see [WithNow].
func (s *Server) Now() time.Time { return s.now() }

// Seed returns the seed of everything random, see [WithSeed].
func (s *Server) Seed() uint64 { return s.config.seed }

// Style returns how the server writes its answers.
func (s *Server) Style() Style { return s.config.style }

// Add adds a campaign, or puts it in the place of the one with its ID.
func (s *Server) Add(c Campaign) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(c)
}

// add is Add. The caller holds s.mu.
func (s *Server) add(c Campaign) {
	id := c.Entry().ID
	if _, there := s.campaigns[id]; !there {
		s.order = append(s.order, id)
	}
	s.campaigns[id] = &served{Campaign: c}
}

// Each brings every campaign to the present and calls f with it, which may change the campaign but must not call the
// server.
func (s *Server) Each(f func(Campaign)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for _, c := range s.campaigns {
		c.do(now, f)
	}
}

// SetRows makes a campaign have exactly the given rows, in that order. They are served byte for byte. It replaces what
// was there, and makes the campaign where there was none; an empty name leaves the name as it is. The server keeps the
// slice.
func (s *Server) SetRows(id, name string, rows []json.RawMessage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := newFixed(id, name, s.config.seed, s.config.style, s.now(), rows)
	if old := s.campaigns[id]; old != nil {
		old.do(s.now(), func(old Campaign) { // its status may have changed since anybody looked
			e := old.Entry()
			if name == "" {
				c.entry.Name = e.Name
			}
			c.entry.Created, c.entry.Status, c.entry.Cancelled = e.Created, e.Status, e.Cancelled
		})
	}
	s.add(c)
}

// Remove takes a campaign away: it is answered with 404 from now on.
func (s *Server) Remove(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.campaigns, id)
	s.order = slices.DeleteFunc(s.order, func(o string) bool { return o == id })
}

// Pause keeps a running campaign from starting attempts. Those under way go on.
func (s *Server) Pause(id string) {
	s.change(id, func(c Campaign, e *Entry, now time.Time) {
		if e.Status == "running" {
			e.SetStatus("paused", now)
		}
	})
}

// Resume lets a paused campaign go on, and a draft begin.
func (s *Server) Resume(id string) {
	s.change(id, func(c Campaign, e *Entry, now time.Time) {
		if e.Cancelled || e.Status != "paused" && e.Status != "draft" {
			return
		}
		if e.Status == "paused" {
			e.SetStatus("running", now)
		}
		if c, ok := c.(Controlled); ok {
			c.Resumed()
		}
	})
}

// Cancel ends a campaign: its calls that are not finished are cancelled.
func (s *Server) Cancel(id string) {
	s.change(id, func(c Campaign, e *Entry, now time.Time) {
		if e.Cancelled {
			return
		}
		e.Cancelled = true
		e.SetStatus("completed", now)
		if c, ok := c.(Controlled); ok {
			c.Cancelled()
		}
	})
}

// Complete marks a campaign as completed. It is meant for fixed campaigns; a living one completes by itself.
func (s *Server) Complete(id string) {
	s.change(id, func(_ Campaign, e *Entry, now time.Time) { e.SetStatus("completed", now) })
}

// Rename gives a campaign another name in the campaign list and in its rows; the rows of a fixed campaign stay as they
// are.
func (s *Server) Rename(id, name string) {
	s.change(id, func(_ Campaign, e *Entry, now time.Time) { e.Name, e.Updated = name, now })
}

// change brings a campaign to the present time and changes it. It panics where there is no such campaign.
func (s *Server) change(id string, f func(c Campaign, e *Entry, now time.Time)) {
	c := s.campaign(id)
	if c == nil {
		panic("revoxtest: no campaign " + id)
	}
	now := s.now()
	c.do(now, func(c Campaign) { f(c, c.Entry(), now) })
}

func (s *Server) campaign(id string) *served {
	s.lookup()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.campaigns[id]
}

// all returns the campaigns in the order of the list.
func (s *Server) all() []*served {
	s.lookup()
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*served, 0, len(s.order))
	for _, id := range s.order {
		list = append(list, s.campaigns[id])
	}
	return list
}

// CampaignIDs returns the IDs of all campaigns, in the order of the list.
func (s *Server) CampaignIDs() []string {
	s.lookup()
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.order)
}

// Rows returns a campaign's rows as they are served now, all of them, or nil where there is no such campaign.
func (s *Server) Rows(id string) []json.RawMessage {
	c := s.campaign(id)
	if c == nil {
		return nil
	}
	var rows []json.RawMessage
	c.do(s.now(), func(c Campaign) {
		rows = make([]json.RawMessage, c.Len())
		for i := range rows {
			rows[i] = c.AppendRow(nil, i)
		}
	})
	return rows
}

// OnLookup sets a function that is called before campaigns are looked up, for a request or by the methods of the
// server, without any lock held: it may add and remove campaigns. It may be called concurrently. nil takes it away.
func (s *Server) OnLookup(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onLookup = f
}

func (s *Server) lookup() {
	s.mu.Lock()
	f := s.onLookup
	s.mu.Unlock()
	if f != nil {
		f()
	}
}

// OnPage sets a function that is called before a page of rows is made, without any lock held, with the page that was
// asked for (0 where none was): it may change rows. nil takes it away.
func (s *Server) OnPage(f func(campaignID string, page int)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onPage = f
}
