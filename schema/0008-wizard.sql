-- The first-run wizard: which of its steps are done or put off, by whom and when. What a step asks is kept in the registers.
CREATE TABLE wizard_steps (
	step {{text}} PRIMARY KEY,
	state {{text}} NOT NULL CHECK (state IN ('done', 'later')),
	finding {{i64}} NOT NULL DEFAULT 0,     -- guide_findings: the open point of a step that was put off
	at {{i64}} NOT NULL,
	who {{text}} NOT NULL
) {{table}};
