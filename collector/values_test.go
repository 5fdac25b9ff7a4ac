package collector_test

// valueSet explains the known values of a label in docs/metrics.md.
type valueSet struct {
	// title is the heading; its anchor is the title in lower case, with hyphens.
	title, label string
	// metrics are regular expressions of the metrics that have these values.
	metrics string
	about   string // a paragraph before the table, "" for none
	third   string // the heading of the third column
	values  []valueMeaning
}

type valueMeaning struct{ value, meaning, third string }

const dialErrorsAbout = `What an attempt met instead of an answer. The API documents these values only as SIP errors. What each
of them means to a carrier is common usage, and the causes are those of the [runbooks](../alerts/runbooks.md).`

// valueSets has every label with a closed set of values, in the order of docs/metrics.md.
var valueSets = []valueSet{
	{"Dial errors", "dial_error", "_dial_errors_total", dialErrorsAbout, "what to do", []valueMeaning{
		{"busy", "The telephone called was engaged, or the person declined the call.",
			"Nothing: it is normal, and the call is retried as the campaign says."},
		{"no_answer", "It rang, and nobody answered in time.",
			"Nothing: it is normal. If the share rises, look at the calling hours, and whether the number called from is " +
				"shown as spam."},
		{"temporarily_unavailable", "The telephone called could not be reached at that moment: switched off or without a network.",
			"Nothing, unless it rises in all campaigns at once: then ask the carrier."},
		{"number_non_attributed", "The number called belongs to nobody.",
			"Check the list and its import. Many of them make carriers take the number called from for spam: see " +
				"[RevoxBadList](../alerts/runbooks.md#revoxbadlist)."},
		{"too_many_calls", "The carrier or the platform accepts no more calls at once: calls are throttled.",
			"Lower the campaign's concurrent calls, or pause campaigns that can wait: see " +
				"[RevoxThrottled](../alerts/runbooks.md#revoxthrottled)."},
		{"no_international_permission", "The account may not call the country of that number.",
			"Request the permission, or take the country out of the list: see " +
				"[RevoxCallsCannotLeave](../alerts/runbooks.md#revoxcallscannotleave)."},
		{"precondition_failed", "The call was rejected before any telephone rang, because something that it needs is not in order. " +
			"The person called has noticed nothing.",
			"Pause the campaign, because each attempt uses up a retry. Check the number called from (verified, not released, " +
				"registered) and the credit: see [RevoxCallsCannotLeave](../alerts/runbooks.md#revoxcallscannotleave)."},
		{"non_classified_error", "The call failed for a reason that Revox does not classify, such as an outage at the carrier.",
			"A few are normal. If there are many, ask Revox or the carrier; give times and the campaign's ID."},
	}},
	{"Results", "result", "_results_total|_talk_duration_seconds", "What answered a finished attempt.", "what to do", []valueMeaning{
		{"human", "A person.", "This is the share to watch: it is how well the campaign reaches people."},
		{"voicemail", "A voicemail.", "If the share rises, see [RevoxVoicemailSurge](../alerts/runbooks.md#revoxvoicemailsurge)."},
		{"IVR", "A telephone menu (interactive voice response): \"press 1 for sales\".",
			"Many of them mean that the list has switchboards of companies."},
		{"ios-screening-filter", "The call screening of an iPhone, which asks who is calling and why.",
			"See [RevoxScreeningSurge](../alerts/runbooks.md#revoxscreeningsurge)."},
		{"unknown", "The API says that it does not know.", "Nothing, while there are few."},
		{"none", "The API gives no result: nobody answered, or the result has not been computed yet.",
			"Nothing: most attempts with a dial error have it."},
	}},
	{"Ended by", "ended_by", "_ended_by_total", "Who ended the call of a finished attempt. Attempts without this field are not counted.",
		"what to do", []valueMeaning{
			{"agent", "The AI agent. [`end_reason`](#revox_campaign_call_attempt_end_reasons_total) is why.", "Nothing: it is normal."},
			{"user", "The person called.",
				"If talks are short too, people hang up at once: see [RevoxTalksCutShort](../alerts/runbooks.md#revoxtalkscutshort)."},
			{"system", "The platform, for example at the maximum duration of a call.",
				"If the share rises, see [RevoxCallsEndedBySystem](../alerts/runbooks.md#revoxcallsendedbysystem)."},
		}},
	{"Roles", "role", "_turns", "Who spoke in a transcript.", "what to do", []valueMeaning{
		{"assistant", "The AI agent.", "If bucket 0 grows, it is silent: look at the model and the provider of the voice."},
		{"user", "The person called.", "If bucket 0 grows, people pick up and nothing is heard of them."},
	}},
	{"Outcomes of calls", "outcome", "_outcomes_total", "What a finished call led to, as Revox computes it, sometimes hours later.",
		"what to do", []valueMeaning{
			{"interested", "The person is interested.", "A business number; nothing to do."},
			{"not_interested", "The person is not interested.", "A business number; nothing to do."},
			{"completed", "The call reached its end, as Revox judges it.", "A business number; nothing to do."},
			{"requested_callback_later", "The person asked to be called later.", "A business number; nothing to do."},
			{"none", "There is no outcome: nobody talked, or it has not been computed yet.",
				"Nothing. A call whose outcome comes late is counted here [for a while](numbers.md#late-results)."},
		}},
	{"Statuses of calls", "status", "_calls|_calls_finished_total",
		"A call is an order to reach one contact, over one or more attempts. The last three are final: the call is finished.",
		"what to do", []valueMeaning{
			{"initializing", "The order is being created.", "Nothing, unless it stays so for hours."},
			{"queued_for_calling", "The call waits for its turn.",
				"If nothing leaves the queue, see [RevoxCampaignStalled](../alerts/runbooks.md#revoxcampaignstalled)."},
			{"scheduled", "The call waits for its time: a start that was set, a calling window or a retry.", "Nothing."},
			{"calling", "An attempt is under way.",
				"If one stays for hours, look at `revox_campaign_oldest_active_attempt_timestamp_seconds`."},
			{"completed", "The call is done, as Revox judges it, whoever answered or did not.", "Nothing."},
			{"cancelled", "Somebody cancelled the call.", "Nothing, if that was intended."},
			{"errored", "The call failed for good; it is not retried.",
				"See [RevoxCallsErrored](../alerts/runbooks.md#revoxcallserrored)."},
		}},
	{"Statuses of attempts", "status", "_call_attempts|_call_attempts_finished_total",
		"An attempt is one try to reach the contact. The last two are final: the attempt is finished.",
		"what to do", []valueMeaning{
			{"queued", "The attempt waits to be dialled.", "Nothing."},
			{"ringing", "The telephone rings.", "Nothing."},
			{"ongoing", "Somebody or something has answered.", "Nothing."},
			{"completed", "The attempt ended without an error.", "Nothing."},
			{"error", "The attempt failed.", "Look at its [dial errors](#dial-errors)."},
		}},
	{"Statuses of campaigns", "status", "campaign_status", "", "what to do", []valueMeaning{
		{"draft", "The campaign was not started yet. Discovery does not select it by default.", "Nothing."},
		{"running", "The campaign calls, within its calling windows.", "Nothing."},
		{"paused", "Somebody paused the campaign.", "Nothing, if that was intended."},
		{"completed", "Revox says that it is completed.", "Nothing: after `--campaign.completed-for` it is no longer read."},
		{"cancelled", "The campaign was cancelled (`is_cancelled`, whatever status the API gives).",
			"Nothing: after `--campaign.completed-for` it is no longer read."},
	}},
	{"Reasons of failures", "reason", "_failures_total|_retries_total",
		"Why a scan, a list of campaigns or a request failed. [Troubleshooting](troubleshooting.md#reasons-of-failed-scans) says what\n" +
			"to do about each.",
		"what to do", []valueMeaning{
			{"auth", "The API refuses the key.", "[What to do](troubleshooting.md#auth)"},
			{"not_found", "There is no such campaign, or the base URL is wrong.", "[What to do](troubleshooting.md#not_found)"},
			{"rate_limited", "The API says that there are too many requests.", "[What to do](troubleshooting.md#rate_limited)"},
			{"server_error", "The API, or a gateway in front of it, fails.", "[What to do](troubleshooting.md#server_error)"},
			{"timeout", "The answer or the scan was not complete in time.", "[What to do](troubleshooting.md#timeout)"},
			{"connection", "No connection to the API, or it broke.", "[What to do](troubleshooting.md#connection)"},
			{"bad_response", "Something answered, but not as the API does.", "[What to do](troubleshooting.md#bad_response)"},
			{"incomplete", "The pages do not add up to the whole campaign.", "[What to do](troubleshooting.md#incomplete)"},
		}},
	{"Kinds of anomalies", "kind", "_anomalies",
		"Data that the exporter could not count. A few are harmless; if there are more, report them to Revox, with the kind and the\n" +
			"campaign's ID.",
		"effect", []valueMeaning{
			{"bad_timestamp", "A timestamp is not an unambiguous date and time.", "Durations that need it are missing."},
			{"duplicate_attempt", "An attempt's ID occurs twice in one call.", "It is counted once; nothing to do."},
			{"duplicate_row", "A row came twice, because rows moved while pages were read.",
				"It is counted once. If `revox_campaign_rows_missing` is above 0 too, see " +
					"[RevoxRowsMissing](../alerts/runbooks.md#revoxrowsmissing)."},
			{"implausible_duration", "A duration is longer than ten years, from a placeholder such as the year 9999.",
				"It is not observed."},
			{"missing_status", "A call or an attempt has no status, or one that is not a string.", "No metric by status counts it."},
			{"negative_duration", "A duration ends before it begins.", "It is not observed."},
			{"not_a_row", "An entry of the rows is not an object.", "It is not counted at all."},
			{"wrong_type", "A result, dial error, outcome or the like is not a string, or something in a transcript is not as documented.",
				"It is counted as `other`; in a transcript it is not counted."},
		}},
	{"Kinds of requests", "kind", "_scan_requests", "What the pages of the last complete scan were requested for.", "how many", []valueMeaning{
		{"full", "To read all rows.", "High in a first scan, and once per `--scan.full-interval`."},
		{"totals", "To ask how many rows there are, in all and with each status.", "One for each status that there is, and one or two more."},
		{"active", "To read the rows whose calls are under way or scheduled.", "Grows with the calls in progress."},
		{"moved", "To find rows that are new or whose calls have gone on.", "Grows with the calls that end."},
	}},
	{"Endpoints", "endpoint", "api_\\w+", "", "how often", []valueMeaning{
		{"campaigns", "The list of campaigns.", "Read once per `--campaign.discover-interval`, only with discovery."},
		{"rows", "A page of a campaign's rows.", "Nearly all requests."},
	}},
	{"Labels with unknown values", "label", "_unknown_values_total",
		"The label in which a value was seen that this version does not know. The log names each value once. See\n" +
			"[RevoxUnknownValues](../alerts/runbooks.md#revoxunknownvalues).",
		"what to do", []valueMeaning{
			{"dial_error", "A new dial error.", "Look for a newer version of the exporter."},
			{"end_reason", "A reason that is not one of the documented four: `tool_end_call` `voicemail` `transfer` `ivr_no_navigate`.",
				"Nothing: the set is open."},
			{"ended_by", "Somebody new who ends calls.", "Look for a newer version."},
			{"llm_model", "A language model whose name does not look like one, or one too many. It is counted as `other`.", "Nothing."},
			{"llm_provider", "The same for the provider of a language model.", "Nothing."},
			{"outcome", "A new outcome.", "Look for a newer version."},
			{"result", "A new result.", "Look for a newer version."},
			{"status", "A new status of a campaign, call or attempt.",
				"Look for a newer version: a new final status is not counted as finished."},
			{"tool_name", "A tool whose name does not look like an identifier, or one too many: `other`. Names of tools are never known.",
				"Give the tool a name of letters, digits and underscores: at most 40 characters, 5 words and 3 digits."},
			{"voice_provider", "A new provider of voices.", "Look for a newer version."},
		}},
}
