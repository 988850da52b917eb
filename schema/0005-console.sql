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
