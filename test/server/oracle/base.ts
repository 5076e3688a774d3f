/** The objects that exist in the database of each script. */
export const BASE = `
CREATE TABLE t (id int PRIMARY KEY, v int, s text);
INSERT INTO t VALUES (1, 10, 'one'), (2, 20, 'two'), (3, 30, NULL);
CREATE TABLE plain (a int, b text);
INSERT INTO plain VALUES (1, 'x'), (2, 'y');
CREATE TABLE log (n int GENERATED ALWAYS AS IDENTITY, what text);
CREATE TABLE parent (id int PRIMARY KEY);
INSERT INTO parent VALUES (1), (2);
CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent ON DELETE CASCADE);
INSERT INTO child VALUES (10, 1), (11, 1), (20, 2);
CREATE TABLE late (id int PRIMARY KEY, parent int REFERENCES parent DEFERRABLE INITIALLY DEFERRED, UNIQUE (parent) DEFERRABLE);
CREATE SEQUENCE sq;
CREATE FUNCTION log_it() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO public.log (what) VALUES (tg_op || ' ' || tg_table_name || ' ' || (SELECT count(*) FROM public.t));
  RETURN coalesce(new, old);
END $$;
CREATE FUNCTION add_one(x int) RETURNS int LANGUAGE sql AS 'INSERT INTO public.t VALUES (x, x, NULL); SELECT x';
CREATE FUNCTION retype() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  ALTER TABLE public.plain ALTER COLUMN a TYPE text USING a || '!';
  ALTER TABLE public.plain ADD COLUMN c date DEFAULT '2024-01-02';
END $$;
CREATE FUNCTION rc() RETURNS refcursor LANGUAGE plpgsql AS $$
DECLARE cc refcursor := 'cc';
BEGIN
  OPEN cc FOR SELECT id, v AS "the value", s FROM public.t ORDER BY id;
  RETURN cc;
END $$;
CREATE PROCEDURE twice(INOUT n int) LANGUAGE plpgsql AS $$ BEGIN n := n * 2; END $$;
CREATE VIEW sums AS SELECT count(*) AS n, sum(v) AS total FROM t;
`;
