-- The newest ticks of each schedule up to an instant, oldest first: a clock that was ahead has left ticks of the future.
SELECT schedule, due_at, cause, outcome, reason, command, started_at, ended_at, exit_code, attempts, last_line
FROM (SELECT t.*, ROW_NUMBER() OVER (PARTITION BY schedule ORDER BY due_at DESC) AS recency
      FROM tick t WHERE outcome <> 'known' AND due_at <= :until) newest
WHERE recency <= :newest
ORDER BY schedule, due_at;
