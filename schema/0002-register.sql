-- Registers: records of declared kinds (packs/register/kinds.json), with their whole history.
-- Days are texts YYYY-MM-DD of the local calendar, so that they sort; times are microseconds UTC.

CREATE TABLE records (
	kind {{text}} NOT NULL,
	id {{text}} NOT NULL,                   -- stable, never used again
	rev {{i64}} NOT NULL,                   -- grows by one with each change
	state {{text}} NOT NULL CHECK (state IN ('live', 'archived')),
	title {{text}} NOT NULL,
	sort {{text}} NOT NULL,                 -- reading or title, folded
	search {{text}} NOT NULL,               -- all values, folded
	data {{text}} NOT NULL,                 -- JSON object: field to text
	missing {{text}} NOT NULL DEFAULT '',   -- fields that should be filled and are not
	next_mode {{text}} NOT NULL CHECK (next_mode IN ('rule', 'date', 'none')),
	next_date {{text}} NOT NULL DEFAULT '', -- empty: none
	next_why {{text}} NOT NULL DEFAULT '',  -- why there is none
	made_at {{i64}} NOT NULL,
	made_who {{text}} NOT NULL,
	at {{i64}} NOT NULL,
	who {{text}} NOT NULL,
	PRIMARY KEY (kind, id)
) {{table}};
CREATE INDEX records_list ON records (kind, state, sort, id);
CREATE INDEX records_next ON records (kind, state, next_date);

-- The single values, for filters and sorting. A field with several values has a row for each.
CREATE TABLE record_values (
	kind {{text}} NOT NULL,
	record {{text}} NOT NULL,
	field {{text}} NOT NULL,
	value {{text}} NOT NULL,                -- in a form that sorts
	FOREIGN KEY (kind, record) REFERENCES records (kind, id)
) {{table}};
CREATE INDEX record_values_record ON record_values (kind, record, field);
CREATE INDEX record_values_value ON record_values (kind, field, value);

CREATE TABLE record_revs (
	kind {{text}} NOT NULL,
	record {{text}} NOT NULL,
	rev {{i64}} NOT NULL,
	at {{i64}} NOT NULL,
	who {{text}} NOT NULL,
	how {{text}} NOT NULL,                  -- add edit archive restore attach detach
	note {{text}} NOT NULL DEFAULT '',
	changes {{text}} NOT NULL,              -- JSON object: field to [old, new]
	PRIMARY KEY (kind, record, rev),
	FOREIGN KEY (kind, record) REFERENCES records (kind, id)
) {{table}};

-- Files that belong to a record; their bytes are evidence, kept by SHA-256.
CREATE TABLE record_files (
	id {{id}},
	kind {{text}} NOT NULL,
	record {{text}} NOT NULL,
	sha256 {{text}} NOT NULL,
	name {{text}} NOT NULL,
	bytes {{i64}} NOT NULL,
	effective {{text}} NOT NULL DEFAULT '', -- the day it shows
	at {{i64}} NOT NULL,                    -- when it was received
	who {{text}} NOT NULL,
	gone_at {{i64}},                        -- no longer shown since; the bytes stay
	FOREIGN KEY (kind, record) REFERENCES records (kind, id)
) {{table}};
CREATE INDEX record_files_record ON record_files (kind, record);

CREATE TABLE record_numbers (
	kind {{text}} PRIMARY KEY,
	last {{i64}} NOT NULL
) {{table}};

-- Jobs of every engine, not only of the vault: any kind (the program knows them), with or without a
-- place. A child table first, so that each reference always leads somewhere.
CREATE TABLE jobs_2 (
	id {{text}} PRIMARY KEY,
	kind {{text}} NOT NULL,
	system {{text}} REFERENCES systems (id), -- of a backup
	place {{text}} REFERENCES places (id),
	every {{text}} NOT NULL,                -- daily HH:MM, or weekly DAY HH:MM, local time
	enabled {{i64}} NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
	next_due {{i64}} NOT NULL,
	turn {{i64}} NOT NULL DEFAULT 0,        -- how many rounds of a rotation were made
	tries {{i64}} NOT NULL DEFAULT 0,       -- failed in a row
	at {{i64}} NOT NULL
) {{table}};
CREATE TABLE job_runs_2 (
	id {{id}},
	job {{text}} NOT NULL REFERENCES jobs_2 (id),
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
INSERT INTO jobs_2 (id, kind, system, place, every, enabled, next_due, turn, tries, at)
	SELECT id, kind, system, place, every, enabled, next_due, turn, tries, at FROM jobs;
INSERT INTO job_runs_2 (id, job, due, started, ended, outcome, exit_status, subject, result,
	message, sealed)
	SELECT id, job, due, started, ended, outcome, exit_status, subject, result, message, sealed
	FROM job_runs;
DROP TABLE job_runs;
DROP TABLE jobs;
ALTER TABLE jobs_2 RENAME TO jobs;
ALTER TABLE job_runs_2 RENAME TO job_runs;
CREATE INDEX jobs_due ON jobs (enabled, next_due);
CREATE INDEX job_runs_job ON job_runs (job, started);
CREATE INDEX job_runs_open ON job_runs (sealed, ended);
