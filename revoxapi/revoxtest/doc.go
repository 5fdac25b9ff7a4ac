// Package revoxtest provides a simulated Revox API for tests, benchmarks and demonstrations. It is to a client of that
// API what net/http/httptest is to net/http: a real HTTP server on a local port, with everything behind it under the
// caller's control.
//
// A [Server] serves campaigns. [Server.SetRows] makes one that has exactly the given rows; package sim makes campaigns
// that live: their calls are queued, rung, answered and retried. Other kinds implement [Campaign]. Faults
// ([Server.AddFault]) change what happens on the wire.
//
// With [WithNow] and a [Clock] the time is the test's own. Everything random depends on the seed of the server alone.
//
// The package writes its JSON from its own reading of the API's documentation and shares no type with the client, so
// that each checks the other.
package revoxtest
