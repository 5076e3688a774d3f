/** Generates random scripts from a seed, for the tables of base.ts. Every query sorts its rows, so that they can be compared. */
import { Random } from '../../unit/sql/random';

/** One script of two to nine statements. */
export function randomScript(seed: number): string {
  const script = new Script(new Random(seed));
  return script.text();
}

class Script {
  #tables = ['t'];
  #made = 0;

  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  text(): string {
    const random = this.#random;
    const statements: string[] = [];
    if (random.chance(8)) {
      statements.push(`SET TRANSACTION ISOLATION LEVEL ${random.pick(['SERIALIZABLE', 'REPEATABLE READ'])}`);
    }
    const count = 1 + random.below(8);
    for (let i = 0; i < count; i++) statements.push(this.#statement());
    statements.push(random.chance(75) ? this.#reading() : this.#statement());
    return statements
      .map((statement) => statement + random.pick([';', ';\n', '; -- then; on\n', ' ; /* ; */ ', ';;\n']))
      .join('');
  }

  #statement(): string {
    const random = this.#random;
    const table = random.pick(this.#tables);
    const [id, v] = [this.#number(), this.#number()];
    const makers: (() => string)[] = [
      () =>
        `INSERT INTO ${table} (id, v) VALUES (${4 + id}, ${v}) ON CONFLICT (id) DO UPDATE SET v = ${table}.v + excluded.v`,
      () => `INSERT INTO ${table} (id, v) VALUES (${id}, ${v}), (${id + 7}, ${v}) ON CONFLICT DO NOTHING`,
      () => `INSERT INTO ${table} SELECT max(id) + 1, count(*), 'made' FROM ${table}`,
      () => `UPDATE ${table} SET v = v + ${v} WHERE id % 2 = ${id % 2}`,
      () => `UPDATE ${table} SET v = (SELECT count(*) FROM ${random.pick(this.#tables)}), s = coalesce(s, '') || 'x'`,
      () => `UPDATE ${table} SET id = id + 100 WHERE v > ${v * 3}`,
      () => `DELETE FROM ${table} WHERE id = ${id}`,
      () => `DELETE FROM ${table} WHERE v < (SELECT avg(v) FROM ${table})`,
      () =>
        `WITH moved AS (DELETE FROM ${table} WHERE id < ${id} RETURNING *) INSERT INTO plain SELECT id, s FROM moved`,
      () =>
        `MERGE INTO ${table} AS m USING plain ON m.id = plain.a WHEN MATCHED THEN UPDATE SET v = ${v} WHEN NOT MATCHED THEN DO NOTHING`,
      () => `INSERT INTO log (what) SELECT 'n ' || count(*) FROM ${table}`,
      () => `INSERT INTO parent VALUES (${id}) ON CONFLICT DO NOTHING`,
      () => `INSERT INTO child SELECT ${100 + 10 * id} + count(*), max(id) FROM parent`,
      () => `DELETE FROM parent WHERE id = ${id}`,
      () => `INSERT INTO late VALUES (${id}, ${v})`,
      () => `SELECT setval('sq', ${id + 1}), nextval('sq')`,
      () => `SELECT count(*) FROM ${table}`,
      () => `DO $$ BEGIN UPDATE ${table} SET v = v - 1; END $$`,
      () => `TRUNCATE plain`,
      () => `SET LOCAL work_mem = '${4 + id}MB'`,
      () => this.#newTable(),
      () => this.#newIndex(table),
      () => `ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS w${id} int DEFAULT ${v}`,
      () => `INSERT INTO plain SELECT ${v} / (SELECT count(*) FROM ${table} WHERE id <> ${id}), 'quotient'`,
    ];
    return random.pick(makers)();
  }

  #reading(): string {
    const random = this.#random;
    const table = random.pick(this.#tables);
    return random.pick([
      `SELECT * FROM ${table} ORDER BY id`,
      `SELECT id, v AS q, s AS k FROM ${table} ORDER BY id DESC`,
      `SELECT count(*), sum(v), string_agg(s, ',' ORDER BY id) FROM ${table}`,
      `SELECT a, b FROM plain ORDER BY a, b`,
      `SELECT n, what FROM log ORDER BY n`,
      `SELECT p.id, c.id FROM parent AS p LEFT JOIN child AS c ON c.parent = p.id ORDER BY 1, 2`,
      `INSERT INTO ${table} (id, v) SELECT max(id) + 1, sum(v) FROM ${table} RETURNING id, v, s`,
      `WITH gone AS (DELETE FROM ${table} RETURNING v) SELECT count(*), sum(v) FROM gone`,
      `SELECT x FROM ${table} AS x ORDER BY id`,
    ]);
  }

  #newTable(): string {
    const name = `made${++this.#made}`;
    const source = this.#random.pick(this.#tables);
    const temporary = this.#random.chance(30) ? 'TEMP ' : '';
    this.#tables.push(name);
    return this.#random.chance(50)
      ? `CREATE ${temporary}TABLE ${name} (id int PRIMARY KEY, v int, s text); INSERT INTO ${name} SELECT id, v, s FROM ${source}`
      : `CREATE ${temporary}TABLE ${name} (LIKE ${source} INCLUDING ALL)`;
  }

  #newIndex(table: string): string {
    return `CREATE ${this.#random.chance(30) ? 'UNIQUE ' : ''}INDEX ON ${table} (${this.#random.pick(['v', 's', 'v, s'])})`;
  }

  #number(): number {
    return this.#random.below(9);
  }
}
