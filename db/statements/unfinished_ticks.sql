-- The ticks that are queued, running or interrupted, in the order in which they were due.
SELECT schedule, due_at, cause, outcome, reason, command, started_at, ended_at, exit_code, attempts, last_line
FROM tick WHERE outcome IN ('queued', 'started', 'interrupted') ORDER BY due_at;
