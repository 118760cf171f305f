-- Ticks that were begun or waited for, and did not come to their end.
SELECT schedule, due_at, cause, outcome, reason, command, started_at, ended_at, exit_code, attempts, said
FROM tick WHERE outcome IN ('queued', 'started', 'interrupted') ORDER BY due_at;
