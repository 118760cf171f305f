-- Write down what became of a tick; what was written of it before is what it was then.
INSERT INTO tick (schedule, due_at, cause, outcome, reason, command, started_at, ended_at, exit_code, attempts, said)
VALUES (:schedule, :due_at, :cause, :outcome, :reason, :command, :started_at, :ended_at, :exit_code, :attempts, :last_line)
ON CONFLICT (schedule, due_at) DO UPDATE SET
    cause = excluded.cause, outcome = excluded.outcome, reason = excluded.reason, command = excluded.command,
    started_at = excluded.started_at, ended_at = excluded.ended_at, exit_code = excluded.exit_code,
    attempts = excluded.attempts, said = excluded.said
WHERE tick.outcome NOT IN ('known', 'done');
