-- Right-click a statement and choose "Run in Background", or click the link
-- above it. Without a selection, the statement at the cursor runs.
--
-- It runs in a pg_background worker, a process of the PostgreSQL server. The
-- editor stays free, and the Background Workers view shows each worker with
-- its label, its progress, and its result.

-- A quick query.
-- label: quick
SELECT current_database() AS database, current_user AS "user", now() AS launched;

-- Half a minute, with progress. Cancel it whenever you like.
-- label: with progress
DO $$
BEGIN
  FOR step IN 1..30 LOOP
    PERFORM pg_sleep(1);
    PERFORM pg_background_report_progress(step * 100 / 30, format('step %s of 30', step));
    IF step % 10 = 0 THEN
      RAISE NOTICE '% steps done', step;
    END IF;
  END LOOP;
END
$$;

-- Three statements that depend on each other. Select them and choose "Run in
-- Background": they run as one job and one transaction, as with psql -1.
CREATE TEMP TABLE account AS SELECT i AS id, i * 10 AS balance FROM generate_series(1, 3) AS i;
UPDATE account SET balance = balance + 5 WHERE id > 1;
SELECT id, balance FROM account ORDER BY id;

-- This one fails: the column is misspelled, and the error shows where.
-- label: misspelled
SELECT relname, relkindd
FROM pg_class
ORDER BY relname;

-- A million rows. Scroll through them: only the visible rows are loaded.
-- label: a million rows
SELECT i AS number, md5(i::text) AS checksum, 'row ' || i || ' of a million' AS text
FROM generate_series(1, 1000000) AS i;

-- This one catches every cancel and continues, for 40 seconds at most. Cancel
-- it and see what happens. A worker like this must never be killed: PostgreSQL
-- would restart the whole server.
-- label: ignores cancel
DO $$
BEGIN
  FOR i IN 1..40 LOOP
    BEGIN
      PERFORM pg_sleep(1);
    EXCEPTION WHEN query_canceled THEN
      NULL;
    END;
  END LOOP;
END
$$;
