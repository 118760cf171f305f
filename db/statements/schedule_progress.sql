-- The time up to which each schedule is decided: its newest recorded tick since the clock was last set back.
SELECT t.schedule, max(t.due_at) AS decided_until FROM tick t
WHERE t.tick_id >= coalesce((SELECT max(c.tick_id) FROM tick c WHERE c.schedule = t.schedule AND c.cause = 'clock'), 0)
  AND t.cause IN ('time', 'catch-up', 'clock')
GROUP BY t.schedule;
