-- What is told to people and programs elsewhere: alarms as they were raised and cleared; the outbox and
-- the webhooks learn what they need for that. Times are microseconds UTC.

-- A message is put once: a second one with the same key is the same.
ALTER TABLE outbox ADD COLUMN once {{text}} NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN about {{text}} NOT NULL DEFAULT '';   -- "request:12"; for the access log
ALTER TABLE outbox ADD COLUMN tried_at {{i64}} NOT NULL DEFAULT 0;  -- begun; noted before the attempt
CREATE UNIQUE INDEX outbox_once ON outbox (once) WHERE once <> '';
CREATE INDEX outbox_target ON outbox (way, target, n);

ALTER TABLE webhooks ADD COLUMN name {{text}} NOT NULL DEFAULT '';
ALTER TABLE webhooks ADD COLUMN inside {{i64}} NOT NULL DEFAULT 0;  -- 1: may lie in the own network
ALTER TABLE webhooks ADD COLUMN good_at {{i64}} NOT NULL DEFAULT 0; -- last delivery
ALTER TABLE webhooks ADD COLUMN why {{text}} NOT NULL DEFAULT '';   -- why it is off
ALTER TABLE webhooks ADD COLUMN gone {{i64}} NOT NULL DEFAULT 0;    -- revoked; then it is shown no more

-- A cause that turned red. One row from red to not red.
CREATE TABLE alarms (
	id {{id}},
	name {{text}} NOT NULL,                 -- CHECK kind:id
	chk {{text}} NOT NULL,
	kind {{text}} NOT NULL,
	subject {{text}} NOT NULL,
	why {{text}} NOT NULL CHECK (why IN ('fail', 'missed', 'stale', 'event')),
	since {{i64}} NOT NULL,                 -- when it was so
	at {{i64}} NOT NULL,                    -- when it was noticed
	cleared {{i64}} NOT NULL DEFAULT 0,
	told {{i64}} NOT NULL DEFAULT 0 CHECK (told IN (0, 1, 2)) -- by mail: that it is red, that it is over
) {{table}};
CREATE UNIQUE INDEX alarms_open ON alarms (name) WHERE cleared = 0;
CREATE INDEX alarms_at ON alarms (at);
