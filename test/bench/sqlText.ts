/** SQL files for the benchmarks. */

export const MEGABYTE = 1_000_000;

/** Typical contents of SQL files: a table, rows, a query with comments, a function with a body, with small differences. */
function paragraph(number: number): string {
  return `-- orders of region ${number}; kept for ten years
CREATE TABLE IF NOT EXISTS region_${number}.orders (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer text NOT NULL DEFAULT 'none; yet' CHECK (customer <> ''),
  amount numeric(12, 2) NOT NULL, /* in the region's
     own currency; see /* nested */ rates */
  "Placed at" timestamptz NOT NULL DEFAULT now()
);

INSERT INTO region_${number}.orders (customer, amount) VALUES
  ('Zoë O''Hara', 12.50), (E'tab\\there; quote \\' there', 1e3), ('日本 🐘', -${number}.75);

CREATE OR REPLACE FUNCTION region_${number}.total(since timestamptz) RETURNS numeric LANGUAGE plpgsql AS $body$
DECLARE
  result numeric;
BEGIN
  SELECT sum(amount) INTO result FROM region_${number}.orders WHERE "Placed at" >= since; -- all of them
  RETURN coalesce(result, 0);
END;
$body$;

CREATE FUNCTION region_${number}.band(amount numeric) RETURNS text IMMUTABLE BEGIN ATOMIC
  SELECT CASE WHEN amount > 1000 THEN 'high' WHEN amount > 10 THEN 'middle' ELSE 'low' END;
END;

SELECT o.customer, region_${number}.band(o.amount), count(*) FILTER (WHERE o.amount > 10) AS large
FROM region_${number}.orders AS o
WHERE o."Placed at" BETWEEN '2024-01-01' AND '2025-01-01' AND o.customer !~ '^test;'
GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 10;

`;
}

/** A text of about this many UTF-16 code units. */
export function sqlText(length: number): string {
  const parts: string[] = [];
  for (let number = 0, written = 0; written < length; number++) {
    const part = paragraph(number);
    parts.push(part);
    written += part.length;
  }
  return parts.join('');
}
