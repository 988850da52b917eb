-- Removable disks that hold a copy of a vault and lie somewhere else. Times are microseconds UTC.

CREATE TABLE disks (
	id {{text}} PRIMARY KEY,                -- of the container on it, hexadecimal
	label {{text}} NOT NULL,                -- what is written on the disk
	lies {{text}} NOT NULL DEFAULT '',      -- where it is kept, in words
	serial {{text}} NOT NULL DEFAULT '',    -- of the device, where it says one
	uuid {{text}} NOT NULL DEFAULT '',      -- of the file system
	path {{text}} NOT NULL DEFAULT '',      -- where it was plugged in last
	repo {{text}} NOT NULL DEFAULT '',      -- which vault it holds
	systems {{text}} NOT NULL DEFAULT '{}', -- JSON: system -> time of its newest generation on the disk
	bytes {{i64}} NOT NULL DEFAULT 0,
	copied_at {{i64}} NOT NULL DEFAULT 0,
	proved_at {{i64}} NOT NULL DEFAULT 0,   -- when all of it was read back
	at {{i64}} NOT NULL
) {{table}};

CREATE TABLE disk_moves (
	id {{id}},
	disk {{text}} NOT NULL REFERENCES disks (id),
	lies {{text}} NOT NULL,
	at {{i64}} NOT NULL
) {{table}};
