-- The guide: inspections and their answers, evidence, findings and plans, reviews, vendor requests.
-- Days are texts YYYY-MM-DD of the local calendar; times are microseconds UTC.

-- One run through a checklist. It keeps the pack under which it was answered (STATE/packs/SUM.json).
CREATE TABLE guide_inspections (
	id {{id}},
	pack {{text}} NOT NULL,
	pack_sum {{text}} NOT NULL,
	family {{text}} NOT NULL,
	edition {{text}} NOT NULL,
	title_ja {{text}} NOT NULL,
	title_en {{text}} NOT NULL,
	fiscal_year {{i64}} NOT NULL,
	state {{text}} NOT NULL CHECK (state IN ('open', 'signed', 'closed')),
	round {{i64}} NOT NULL CHECK (round IN (1, 2)),
	due1 {{text}} NOT NULL,
	due2 {{text}} NOT NULL,
	before {{i64}} REFERENCES guide_inspections (id), -- the one it is compared with
	at {{i64}} NOT NULL,
	who {{text}} NOT NULL
) {{table}};
CREATE INDEX guide_inspections_family ON guide_inspections (family, at);

-- Answers are never changed; the newest of an item counts. A carried answer comes from the edition
-- before and counts only once somebody confirms it.
CREATE TABLE guide_answers (
	id {{id}},
	inspection {{i64}} NOT NULL REFERENCES guide_inspections (id),
	round {{i64}} NOT NULL,
	item {{text}} NOT NULL,
	value {{text}} NOT NULL CHECK (value IN ('yes', 'no', 'na', 'unknown')),
	confirmed {{text}} NOT NULL,
	target {{text}} NOT NULL DEFAULT '',    -- by when, where the answer is no
	note {{text}} NOT NULL DEFAULT '',
	carried {{i64}} NOT NULL DEFAULT 0 CHECK (carried IN (0, 1)),
	at {{i64}} NOT NULL,
	who {{text}} NOT NULL
) {{table}};
CREATE INDEX guide_answers_item ON guide_answers (inspection, item, id);

CREATE TABLE guide_signs (
	id {{id}},
	inspection {{i64}} NOT NULL REFERENCES guide_inspections (id),
	round {{i64}} NOT NULL,
	name {{text}} NOT NULL,
	sum {{text}} NOT NULL,                  -- SHA-256 of the answers, which are kept as evidence
	at {{i64}} NOT NULL,
	who {{text}} NOT NULL,
	UNIQUE (inspection, round)
) {{table}};

-- Evidence; the bytes are kept by SHA-256.
CREATE TABLE guide_proofs (
	id {{id}},
	about {{text}} NOT NULL,                -- practice, item, finding, request, review
	subject {{text}} NOT NULL,              -- id of that; of an item PACK:ITEM
	sha256 {{text}} NOT NULL,
	title {{text}} NOT NULL,
	name {{text}} NOT NULL,
	bytes {{i64}} NOT NULL,
	effective {{text}} NOT NULL,            -- the day it shows
	expires {{text}} NOT NULL DEFAULT '',
	source {{text}} NOT NULL CHECK (source IN ('measured', 'declared', 'vendor', 'imported')),
	at {{i64}} NOT NULL,                    -- when it was received
	who {{text}} NOT NULL,
	gone_at {{i64}}                         -- no longer shown since; the bytes stay
) {{table}};
CREATE INDEX guide_proofs_subject ON guide_proofs (about, subject);

CREATE TABLE guide_findings (
	id {{id}},
	pack {{text}} NOT NULL DEFAULT '',
	item {{text}} NOT NULL DEFAULT '',
	practice {{text}} NOT NULL DEFAULT '',
	title {{text}} NOT NULL,
	detail {{text}} NOT NULL DEFAULT '',
	severity {{i64}} NOT NULL CHECK (severity BETWEEN 1 AND 3), -- 3 is the worst
	owner {{text}} NOT NULL DEFAULT '',
	state {{text}} NOT NULL CHECK (state IN ('open', 'planned', 'approved', 'done', 'dropped')),
	plan {{text}} NOT NULL DEFAULT '',
	due {{text}} NOT NULL DEFAULT '',
	approved_by {{text}} NOT NULL DEFAULT '',
	approved_at {{i64}},
	ended_at {{i64}},
	why {{text}} NOT NULL DEFAULT '',       -- how it ended
	rev {{i64}} NOT NULL DEFAULT 1,
	at {{i64}} NOT NULL,
	who {{text}} NOT NULL
) {{table}};
CREATE INDEX guide_findings_state ON guide_findings (state, due);

CREATE TABLE guide_reviews (
	id {{id}},
	held {{text}} NOT NULL,
	chair {{text}} NOT NULL,
	present {{text}} NOT NULL DEFAULT '',
	minutes {{text}} NOT NULL,
	at {{i64}} NOT NULL,
	who {{text}} NOT NULL
) {{table}};
CREATE TABLE guide_review_items (
	review {{i64}} NOT NULL REFERENCES guide_reviews (id),
	finding {{i64}} NOT NULL REFERENCES guide_findings (id),
	decision {{text}} NOT NULL CHECK (decision IN ('do', 'postpone', 'drop', 'done')),
	due {{text}} NOT NULL DEFAULT '',
	note {{text}} NOT NULL DEFAULT '',
	PRIMARY KEY (review, finding)
) {{table}};

-- What a vendor was asked for.
CREATE TABLE guide_requests (
	id {{id}},
	vendor {{text}} NOT NULL DEFAULT '',    -- record of the register
	vendor_name {{text}} NOT NULL,
	subject {{text}} NOT NULL,
	body {{text}} NOT NULL,
	practice {{text}} NOT NULL DEFAULT '',
	finding {{i64}} REFERENCES guide_findings (id),
	form {{text}} NOT NULL DEFAULT '',      -- pack that the vendor is to fill in
	due {{text}} NOT NULL,
	state {{text}} NOT NULL CHECK (state IN ('draft', 'sent', 'answered', 'closed')),
	sent_on {{text}} NOT NULL DEFAULT '',
	chased {{i64}} NOT NULL DEFAULT 0,      -- reminders made after 7, 14, 21 days
	token {{text}} NOT NULL DEFAULT '',     -- SHA-256 of the link's token
	token_until {{i64}} NOT NULL DEFAULT 0,
	answered_at {{i64}},
	answered_by {{text}} NOT NULL DEFAULT '',
	answer {{text}} NOT NULL DEFAULT '',    -- JSON: item to {value, note}
	at {{i64}} NOT NULL,
	who {{text}} NOT NULL
) {{table}};
CREATE INDEX guide_requests_state ON guide_requests (state, due);
CREATE INDEX guide_requests_token ON guide_requests (token);

CREATE TABLE guide_snoozes (
	practice {{text}} PRIMARY KEY,
	until {{i64}} NOT NULL,
	why {{text}} NOT NULL,
	at {{i64}} NOT NULL,
	who {{text}} NOT NULL
) {{table}};

-- What was proposed on which day.
CREATE TABLE guide_shown (
	day {{text}} PRIMARY KEY,
	practice {{text}} NOT NULL,
	family {{text}} NOT NULL
) {{table}};

-- The official wording, where the operator has loaded it.
CREATE TABLE guide_wording (
	pack {{text}} NOT NULL,
	item {{text}} NOT NULL,
	wording {{text}} NOT NULL,
	at {{i64}} NOT NULL,
	who {{text}} NOT NULL,
	PRIMARY KEY (pack, item)
) {{table}};
