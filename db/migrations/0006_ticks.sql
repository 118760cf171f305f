-- The moments schedules were due, each with what became of it. A moment that was missed is a row too.

CREATE TABLE tick (
    tick_id    INTEGER PRIMARY KEY,       -- in the order in which they were written down
    schedule   TEXT NOT NULL,             -- the name of its file
    due_at     INTEGER NOT NULL,
    cause      TEXT NOT NULL CHECK (cause IN ('time', 'catch-up', 'then', 'person', 'clock')),
    outcome    TEXT NOT NULL
               CHECK (outcome IN ('known', 'queued', 'started', 'done', 'partial', 'failed', 'interrupted', 'gap')),
    reason     TEXT,                      -- why it is a gap, or did not end well
    command    TEXT,                      -- the line after `observatory`
    started_at INTEGER,
    ended_at   INTEGER,
    exit_code  INTEGER,
    attempts   INTEGER NOT NULL,
    said       TEXT,                      -- the last line the command told people
    UNIQUE (schedule, due_at),
    CHECK (outcome <> 'gap' OR reason IS NOT NULL)
) STRICT;

CREATE TRIGGER tick_kept BEFORE DELETE ON tick
BEGIN SELECT RAISE(ABORT, 'ticks are kept'); END;

CREATE TRIGGER tick_ended BEFORE UPDATE ON tick WHEN OLD.outcome IN ('known', 'done') AND NEW.outcome <> OLD.outcome
BEGIN SELECT RAISE(ABORT, 'this tick has its outcome'); END;

CREATE VIEW v1_tick AS
SELECT schedule, strftime('%Y-%m-%dT%H:%M:%SZ', due_at, 'unixepoch') AS due_at, outcome, reason, cause, command,
       strftime('%Y-%m-%dT%H:%M:%SZ', started_at, 'unixepoch') AS started_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', ended_at, 'unixepoch') AS ended_at, exit_code, attempts
FROM tick WHERE outcome <> 'known';
