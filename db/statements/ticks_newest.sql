-- The newest moments of each schedule, oldest first: what became of them, and why.
SELECT schedule, due_at, cause, outcome, reason, command, started_at, ended_at, exit_code, attempts, said
FROM (SELECT t.*, ROW_NUMBER() OVER (PARTITION BY schedule ORDER BY due_at DESC) AS place
      FROM tick t WHERE outcome <> 'known') newest
WHERE place <= :newest
ORDER BY schedule, due_at;
