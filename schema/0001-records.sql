-- What is protected, where copies go, what is done when, what happened.
-- Times are microseconds UTC. Texts that people read are in both languages.

CREATE TABLE settings (
	key {{text}} PRIMARY KEY,
	value {{text}} NOT NULL,
	at {{i64}} NOT NULL
) {{table}};

-- A place is a vault repository.
CREATE TABLE places (
	id {{text}} PRIMARY KEY,
	repo {{text}} NOT NULL UNIQUE,          -- as the command line takes it
	name_ja {{text}} NOT NULL,
	name_en {{text}} NOT NULL,
	key_file {{text}} NOT NULL DEFAULT '',  -- recovery key for drills; empty where it is kept elsewhere
	at {{i64}} NOT NULL
) {{table}};

-- A system is something whose data is copied as one generation.
CREATE TABLE systems (
	id {{text}} PRIMARY KEY,
	name_ja {{text}} NOT NULL,
	name_en {{text}} NOT NULL,
	kind {{text}} NOT NULL CHECK (kind IN ('chart', 'images', 'database', 'scans', 'office', 'other')),
	paths {{text}} NOT NULL,                -- JSON array of absolute paths
	place {{text}} NOT NULL REFERENCES places (id),
	practice {{i64}} NOT NULL DEFAULT 0 CHECK (practice IN (0, 1)),
	at {{i64}} NOT NULL
) {{table}};

CREATE TABLE jobs (
	id {{text}} PRIMARY KEY,
	kind {{text}} NOT NULL CHECK (kind IN ('backup', 'drill-files', 'drill-system', 'verify', 'verify-deep')),
	system {{text}} REFERENCES systems (id), -- of a backup
	place {{text}} NOT NULL REFERENCES places (id),
	every {{text}} NOT NULL,                -- daily HH:MM, or weekly DAY HH:MM, local time
	enabled {{i64}} NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
	next_due {{i64}} NOT NULL,
	turn {{i64}} NOT NULL DEFAULT 0,        -- how many rounds of a rotation were made
	tries {{i64}} NOT NULL DEFAULT 0,       -- failed in a row
	at {{i64}} NOT NULL
) {{table}};
CREATE INDEX jobs_due ON jobs (enabled, next_due);

-- One row for each run and for each run that did not happen. A row without an end was cut off.
CREATE TABLE job_runs (
	id {{id}},
	job {{text}} NOT NULL REFERENCES jobs (id),
	due {{i64}} NOT NULL,
	started {{i64}} NOT NULL,
	ended {{i64}},
	outcome {{text}} CHECK (outcome IN ('pass', 'fail', 'error', 'missed')),
	exit_status {{i64}},
	subject {{text}} NOT NULL DEFAULT '',   -- the system of a rotating drill
	result {{text}},                        -- the JSON object the program printed
	message {{text}} NOT NULL DEFAULT '',
	sealed {{i64}} NOT NULL DEFAULT 0 CHECK (sealed IN (0, 1)) -- its fact is in the ledger
) {{table}};
CREATE INDEX job_runs_job ON job_runs (job, started);
CREATE INDEX job_runs_open ON job_runs (sealed, ended);

CREATE TABLE events (
	id {{id}},
	at {{i64}} NOT NULL,
	kind {{text}} NOT NULL,
	subject {{text}} NOT NULL DEFAULT '',
	detail {{text}} NOT NULL DEFAULT '{}',  -- JSON object
	sealed {{i64}} NOT NULL DEFAULT 0 CHECK (sealed IN (0, 1)) -- its fact is in the ledger, or none is due
) {{table}};
CREATE INDEX events_at ON events (at);
