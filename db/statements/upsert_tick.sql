-- Record the outcome of a tick. It replaces an earlier outcome that was not final. A gap replaces nothing but a wait:
-- a clock that is set back and forth lets moments pass again whose commands have run.
INSERT INTO tick (schedule, due_at, cause, outcome, reason, command, started_at, ended_at, exit_code, attempts, last_line)
VALUES (:schedule, :due_at, :cause, :outcome, :reason, :command, :started_at, :ended_at, :exit_code, :attempts, :last_line)
ON CONFLICT (schedule, due_at) DO UPDATE SET
    cause = excluded.cause, outcome = excluded.outcome, reason = excluded.reason, command = excluded.command,
    started_at = excluded.started_at, ended_at = excluded.ended_at, exit_code = excluded.exit_code,
    attempts = excluded.attempts, last_line = excluded.last_line
WHERE tick.outcome NOT IN ('known', 'done')
    AND NOT (excluded.outcome = 'gap' AND (tick.outcome = 'gap' OR tick.attempts > 0));
