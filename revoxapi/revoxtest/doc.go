// Package revoxtest provides a simulated Revox API for tests, benchmarks and
// demonstrations. It is to a client of that API what net/http/httptest is to
// net/http: a real HTTP server on a local port, with everything behind it under
// the caller's control.
//
// A server holds campaigns. A living campaign ([Server.AddCampaign]) behaves
// as on the real platform: its calls wait for their calling window and for a
// free slot, are rung, answered or not, tried again hours later, and end. A
// fixed campaign ([Server.SetRows]) serves exactly the rows it was given.
// Incidents ([Server.AddIncident]) change how calls go for a while; faults
// ([Server.AddFault]) change what happens on the wire.
//
// Everything is seeded. What a living campaign looks like is a function of the
// seed, the campaign, the incidents and the time, and of nothing else: it does
// not depend on how often it was looked at. With [WithNow] and a [Clock] the
// time is the test's own.
//
// The package writes its JSON from its own reading of the API's documentation
// and shares no type with the client, so that each checks the other.
package revoxtest
