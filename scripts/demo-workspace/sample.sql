-- Right-click a statement and choose "Run in Background", or click that action above the statement.
-- You need not select anything. If you do, only the selection runs.
--
-- The statement runs in a pg_background worker, a process of the PostgreSQL server.
-- The editor stays free, and the view "Background Workers" shows each job
-- with its label, its progress, and its result.

-- A quick query: one row, at once.
-- label: quick
SELECT current_database() AS database, current_user AS "user", now() AS launched;

-- A long statement that reports its progress. It takes half a minute; cancel it at any time.
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
-- Background": they run as one job in one transaction, as with psql -1.
CREATE TEMP TABLE account AS SELECT i AS id, i * 10 AS balance FROM generate_series(1, 3) AS i;
UPDATE account SET balance = balance + 5 WHERE id > 1;
SELECT id, balance FROM account ORDER BY id;

-- A statement that fails: a column name is misspelled, and the error shows where.
-- label: misspelt
SELECT relname, relkindd
FROM pg_class
ORDER BY relname;

-- A million rows. Scroll through them: only the visible rows are loaded.
-- label: a million rows
SELECT i AS number, md5(i::text) AS checksum, 'row ' || i || ' of a million' AS text
FROM generate_series(1, 1000000) AS i;

-- A statement that ignores a cancel: it catches every cancel and continues, for
-- at most 40 seconds. Cancel it and read the warning. Such a worker must never be
-- killed, because PostgreSQL would then restart the whole server.
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
