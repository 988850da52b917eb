-- Who may come in. No secret stands here in the clear: passwords are slow hashes, tokens and codes
-- are hashes, seeds are sealed under STATE/keys/identity.key. Rows of accounts are never removed.

CREATE TABLE accounts (
	id {{text}} PRIMARY KEY,
	login {{text}} NOT NULL UNIQUE,            -- NFKC, case folded
	name {{text}} NOT NULL,
	person {{text}} NOT NULL DEFAULT '',       -- record of the register, or none
	role {{text}} NOT NULL CHECK (role IN ('director', 'clerk', 'staff', 'zone', 'vendor', 'inspector')),
	state {{text}} NOT NULL CHECK (state IN ('invited', 'active', 'disabled')),
	ja {{i64}} NOT NULL DEFAULT 1 CHECK (ja IN (0, 1)),
	valid_from {{i64}} NOT NULL DEFAULT 0,     -- 0: no limit
	valid_until {{i64}} NOT NULL DEFAULT 0,
	objects {{text}} NOT NULL DEFAULT '[]',    -- JSON array of "kind:id"
	password {{text}} NOT NULL DEFAULT '',     -- Argon2id, or none
	password_long {{i64}} NOT NULL DEFAULT 0 CHECK (password_long IN (0, 1)),
	password_at {{i64}} NOT NULL DEFAULT 0,
	must_change {{i64}} NOT NULL DEFAULT 0 CHECK (must_change IN (0, 1)),
	totp {{blob}},                             -- sealed seed
	totp_new {{blob}},                         -- sealed, not confirmed yet
	totp_last {{i64}} NOT NULL DEFAULT 0,      -- the newest step that was used
	created {{i64}} NOT NULL,
	created_by {{text}} NOT NULL,
	last_login {{i64}} NOT NULL DEFAULT 0,
	version {{i64}} NOT NULL DEFAULT 1
) {{table}};

CREATE TABLE passkeys (
	id {{text}} PRIMARY KEY,
	account {{text}} NOT NULL REFERENCES accounts (id),
	cred {{blob}} NOT NULL UNIQUE,
	alg {{i64}} NOT NULL,
	cose {{blob}} NOT NULL,
	count {{i64}} NOT NULL,
	name {{text}} NOT NULL,
	synced {{i64}} NOT NULL CHECK (synced IN (0, 1)),
	created {{i64}} NOT NULL,
	last_used {{i64}} NOT NULL DEFAULT 0
) {{table}};
CREATE INDEX passkeys_account ON passkeys (account);

-- Printed one-time codes and invitations.
CREATE TABLE account_codes (
	hash {{blob}} PRIMARY KEY,
	account {{text}} NOT NULL REFERENCES accounts (id),
	kind {{text}} NOT NULL CHECK (kind IN ('code', 'invite')),
	created {{i64}} NOT NULL,
	ends {{i64}} NOT NULL DEFAULT 0,           -- 0: none
	used {{i64}} NOT NULL DEFAULT 0
) {{table}};
CREATE INDEX account_codes_account ON account_codes (account, kind);

CREATE TABLE sessions (
	id {{text}} PRIMARY KEY,
	token {{blob}} NOT NULL UNIQUE,            -- SHA-256
	account {{text}} NOT NULL,                 -- "glass" is nobody's
	stage {{text}} NOT NULL CHECK (stage IN ('second', 'enrol', 'pin', 'full', 'link', 'glass')),
	object {{text}} NOT NULL DEFAULT '',       -- of a link
	who {{text}} NOT NULL DEFAULT '',          -- of break-glass
	device {{text}} NOT NULL DEFAULT '',
	source {{text}} NOT NULL DEFAULT '',
	agent {{text}} NOT NULL DEFAULT '',
	created {{i64}} NOT NULL,
	seen {{i64}} NOT NULL,
	ends {{i64}} NOT NULL,
	fresh_at {{i64}} NOT NULL DEFAULT 0,       -- when a factor was last shown
	ended {{i64}} NOT NULL DEFAULT 0
) {{table}};
CREATE INDEX sessions_account ON sessions (account, ended);

CREATE TABLE challenges (
	hash {{blob}} PRIMARY KEY,
	session {{text}} NOT NULL,                 -- "" when nobody is signed in
	purpose {{text}} NOT NULL CHECK (purpose IN ('add', 'use')),
	ends {{i64}} NOT NULL
) {{table}};

-- Failures since the last success, and until when to wait.
CREATE TABLE throttle (
	key {{text}} PRIMARY KEY,
	fails {{i64}} NOT NULL,
	last {{i64}} NOT NULL,
	until {{i64}} NOT NULL
) {{table}};
CREATE INDEX throttle_last ON throttle (last);

CREATE TABLE devices (
	id {{text}} PRIMARY KEY,
	token {{blob}} NOT NULL UNIQUE,
	name {{text}} NOT NULL DEFAULT '',
	created_by {{text}} NOT NULL,
	created {{i64}} NOT NULL,
	ends {{i64}} NOT NULL
) {{table}};

-- Who signed in on which device, and the PIN for switching there, if any.
CREATE TABLE device_accounts (
	device {{text}} NOT NULL REFERENCES devices (id),
	account {{text}} NOT NULL REFERENCES accounts (id),
	last {{i64}} NOT NULL,
	pin {{blob}},                              -- HMAC under the device's token, which is not here
	fails {{i64}} NOT NULL DEFAULT 0,
	PRIMARY KEY (device, account)
) {{table}};

CREATE TABLE links (
	id {{text}} PRIMARY KEY,
	token {{blob}} NOT NULL UNIQUE,
	account {{text}} NOT NULL REFERENCES accounts (id),
	object {{text}} NOT NULL,
	created {{i64}} NOT NULL,
	created_by {{text}} NOT NULL,
	ends {{i64}} NOT NULL,
	used {{i64}} NOT NULL DEFAULT 0,           -- last
	revoked {{i64}} NOT NULL DEFAULT 0
) {{table}};

CREATE TABLE glass (
	id {{text}} PRIMARY KEY,
	hash {{blob}} NOT NULL UNIQUE,
	created {{i64}} NOT NULL,
	created_by {{text}} NOT NULL,
	voided {{i64}} NOT NULL DEFAULT 0,
	used {{i64}} NOT NULL DEFAULT 0,
	who {{text}} NOT NULL DEFAULT '',
	why {{text}} NOT NULL DEFAULT '',
	source {{text}} NOT NULL DEFAULT '',
	reviewed {{i64}} NOT NULL DEFAULT 0,
	reviewed_by {{text}} NOT NULL DEFAULT '',
	note {{text}} NOT NULL DEFAULT ''
) {{table}};
