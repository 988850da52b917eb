-- Long work that a page started: one row each. What it made lies in the spool until it expires.
CREATE TABLE tasks (
	n {{id}},
	id {{text}} NOT NULL UNIQUE,             -- for addresses; cannot be guessed
	owner {{text}} NOT NULL,                 -- account
	word {{text}} NOT NULL,                  -- key of its title in web/strings
	it {{text}} NOT NULL DEFAULT '',         -- what fills the title's hole {it}
	argv {{text}} NOT NULL,                  -- JSON array; what the runner starts
	how {{text}} NOT NULL DEFAULT '{}',      -- JSON object: en, keep, raw, seconds
	state {{text}} NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed', 'stopped')),
	progress {{text}} NOT NULL DEFAULT '',
	created {{i64}} NOT NULL,
	started {{i64}},
	ended {{i64}},
	status {{i64}},                          -- exit status
	result {{text}},                         -- the JSON object the program printed
	message {{text}} NOT NULL DEFAULT '',
	go {{text}} NOT NULL DEFAULT '',         -- where to go when it is done
	file {{text}} NOT NULL DEFAULT '',       -- below the state directory
	file_name {{text}} NOT NULL DEFAULT '',  -- for the person who downloads it
	file_type {{text}} NOT NULL DEFAULT '',
	expires {{i64}} NOT NULL                 -- then the file goes
) {{table}};
CREATE INDEX tasks_owner ON tasks (owner, created);
CREATE INDEX tasks_state ON tasks (state);

-- Programs that use the API: what each may, and until when. The token itself is shown once.
CREATE TABLE api_tokens (
	id {{text}} PRIMARY KEY,
	token {{blob}} NOT NULL UNIQUE,          -- SHA-256
	account {{text}} NOT NULL REFERENCES accounts (id), -- it can never do more than this account
	name {{text}} NOT NULL,
	scopes {{text}} NOT NULL,                -- JSON array: "register:read", "measure:backup."
	created {{i64}} NOT NULL,
	ends {{i64}} NOT NULL,
	used {{i64}} NOT NULL DEFAULT 0,         -- last
	revoked {{i64}} NOT NULL DEFAULT 0
) {{table}};

-- Answers to requests with an Idempotency-Key, for a day.
CREATE TABLE api_once (
	token {{text}} NOT NULL,
	key {{text}} NOT NULL,
	request {{text}} NOT NULL,               -- SHA-256 of method, address and body
	status {{i64}} NOT NULL,                 -- 0 while it is being worked on
	body {{text}} NOT NULL DEFAULT '',
	at {{i64}} NOT NULL,
	PRIMARY KEY (token, key)
) {{table}};

-- Addresses of other programs that are told what happens (Standard Webhooks), and people.
CREATE TABLE webhooks (
	id {{text}} PRIMARY KEY,
	url {{text}} NOT NULL,
	secret {{blob}} NOT NULL,                -- sealed
	kinds {{text}} NOT NULL DEFAULT '[]',    -- JSON array; empty: all
	created {{i64}} NOT NULL,
	created_by {{text}} NOT NULL,
	off {{i64}} NOT NULL DEFAULT 0           -- since when; 0: on
) {{table}};

-- What is to be sent: one row a message and receiver, tried again with growing pauses.
CREATE TABLE outbox (
	n {{id}},
	id {{text}} NOT NULL UNIQUE,             -- stays the same when tried again
	way {{text}} NOT NULL CHECK (way IN ('mail', 'hook')),
	target {{text}} NOT NULL,                -- address of a person, or id of a webhook
	kind {{text}} NOT NULL,                  -- "state.red", "digest"
	subject {{text}} NOT NULL DEFAULT '',
	body {{text}} NOT NULL,
	created {{i64}} NOT NULL,
	tries {{i64}} NOT NULL DEFAULT 0,
	next_at {{i64}} NOT NULL,
	sent {{i64}} NOT NULL DEFAULT 0,
	gave_up {{i64}} NOT NULL DEFAULT 0,
	message {{text}} NOT NULL DEFAULT ''     -- of the last failure
) {{table}};
CREATE INDEX outbox_due ON outbox (sent, gave_up, next_at);

-- Secret addresses of calendars, one a person; revoked by making another.
CREATE TABLE feeds (
	id {{text}} PRIMARY KEY,
	token {{blob}} NOT NULL UNIQUE,
	account {{text}} NOT NULL REFERENCES accounts (id),
	created {{i64}} NOT NULL,
	used {{i64}} NOT NULL DEFAULT 0,
	revoked {{i64}} NOT NULL DEFAULT 0
) {{table}};
