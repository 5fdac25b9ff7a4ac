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
	campaigns map[string]*campaign
	order     []string // of the campaign list
	incidents []Incident
	faults    []*armedFault
	onPage    func(string, int)
	demo      *demo

	listener net.Listener
	http     *http.Server
	client   *http.Client
	certPool *x509.CertPool
	closing  chan struct{}
	close    sync.Once
	running  sync.WaitGroup // what Close waits for
}

// NewServer starts a server on a free port of 127.0.0.1. It panics where it
// cannot. The caller closes it.
func NewServer(opts ...Option) *Server {
	s := &Server{
		config:    newConfig(opts),
		campaigns: map[string]*campaign{},
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

// Close ends the server, and with it every request under way, those that hang
// included. It returns when all that it started has ended.
func (s *Server) Close() {
	s.close.Do(func() {
		close(s.closing)
		s.http.Close()
		s.client.CloseIdleConnections()
	})
	s.running.Wait()
}

// Client returns a client that trusts the server's certificate. It does not
// add the API key.
func (s *Server) Client() *http.Client { return s.client }

// CertPool returns a pool that holds the certificate of a server made
// [WithTLS], else nil.
func (s *Server) CertPool() *x509.CertPool { return s.certPool }

// sleep waits in real time. It reports false where the request or the server
// ended before.
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

// AddCampaign adds a living campaign, or puts it in the place of the one with
// its ID, and returns the ID. It panics where the time zone or a window cannot
// be read.
func (s *Server) AddCampaign(spec Campaign) (id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addCampaign(spec)
}

func (s *Server) addCampaign(spec Campaign) string {
	c := newLiving(spec, s.config.seed, s.config.style, s.now(), s.incidents)
	s.put(c)
	return c.id
}

// put adds or replaces a campaign. The caller holds s.mu.
func (s *Server) put(c *campaign) {
	if _, there := s.campaigns[c.id]; !there {
		s.order = append(s.order, c.id)
	}
	s.campaigns[c.id] = c
}

// SetRows makes a campaign have exactly the given rows, in that order. They are
// served byte for byte. It replaces what was there, and makes the campaign where
// there was none; an empty name leaves the name as it is. The server keeps the
// slice.
func (s *Server) SetRows(id, name string, rows []json.RawMessage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.campaigns[id]
	if old != nil {
		old.mu.Lock()
		defer old.mu.Unlock()
		old.advance(s.now()) // its status may have changed since anybody looked
		if name == "" {
			name = old.name
		}
	}
	c := newFixed(id, name, s.config.seed, s.config.style, s.now(), rows)
	if old != nil {
		c.created, c.status, c.cancelled = old.created, old.status, old.cancelled
	}
	s.put(c)
}

// Remove takes a campaign away: it is answered with 404 from now on.
func (s *Server) Remove(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(id)
}

func (s *Server) remove(id string) {
	delete(s.campaigns, id)
	s.order = slices.DeleteFunc(s.order, func(o string) bool { return o == id })
}

// Pause keeps a running campaign from starting attempts. Those under way go on.
func (s *Server) Pause(id string) { s.change(id, (*campaign).pause) }

// Resume lets a paused campaign go on, and a draft begin.
func (s *Server) Resume(id string) { s.change(id, (*campaign).resume) }

// Cancel ends a campaign: its calls that are not finished are cancelled.
func (s *Server) Cancel(id string) { s.change(id, (*campaign).cancel) }

// Complete marks a campaign as completed. It is meant for fixed campaigns; a
// living one completes by itself.
func (s *Server) Complete(id string) {
	s.change(id, func(c *campaign, ms int64) { c.setStatus("completed", ms) })
}

// Rename gives a campaign another name in the campaign list and in its rows;
// the rows of a fixed campaign stay as they are.
func (s *Server) Rename(id, name string) {
	s.change(id, func(c *campaign, ms int64) { c.name, c.updated = name, ms })
}

// change brings a campaign to the present time and changes it. It panics where
// there is no such campaign.
func (s *Server) change(id string, f func(c *campaign, ms int64)) {
	c := s.campaign(id)
	if c == nil {
		panic("revoxtest: no campaign " + id)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	f(c, c.advance(s.now()))
}

func (s *Server) campaign(id string) *campaign {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.demo.sync(s)
	return s.campaigns[id]
}

// all returns the campaigns in the order of the list.
func (s *Server) all() []*campaign {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.demo.sync(s)
	list := make([]*campaign, 0, len(s.order))
	for _, id := range s.order {
		list = append(list, s.campaigns[id])
	}
	return list
}

// CampaignIDs returns the IDs of all campaigns, in the order of the list.
func (s *Server) CampaignIDs() []string {
	var ids []string
	for _, c := range s.all() {
		ids = append(ids, c.id)
	}
	return ids
}

// Rows returns a campaign's rows as they are served now, all of them, or nil
// where there is no such campaign.
func (s *Server) Rows(id string) []json.RawMessage {
	c := s.campaign(id)
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	ms := c.advance(s.now())
	rows := make([]json.RawMessage, 0, c.len())
	for i := range c.len() {
		e := encoder{style: c.style}
		c.appendRow(&e, i, ms)
		rows = append(rows, e.b)
	}
	return rows
}

// OnPage sets a function that is called before a page of rows is made, without
// any lock held, with the page that was asked for (0 where none was): it may
// change rows. nil takes it away.
func (s *Server) OnPage(f func(campaignID string, page int)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onPage = f
}
