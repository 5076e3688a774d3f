import { eventually } from './editorSupport';
import { sql } from './support';

export const PASSWORD = 'S3cret of the extension';

/** Creates a role with scram-sha-256 authentication on the test server. */
export async function makeScramUser(): Promise<void> {
  await sql(
    `DO $$ BEGIN CREATE ROLE scram_user LOGIN PASSWORD '${PASSWORD}'; EXCEPTION WHEN duplicate_object THEN NULL; END $$`,
  );
  await sql('GRANT pgbackground_role TO scram_user');
  const [[file], [rules]] = (await sql(
    "SELECT pg_read_file(f) FROM current_setting('hba_file') AS f UNION ALL SELECT current_setting('hba_file')",
  ).then(([content, path]) => [path, content])) as [[string], [string]];
  if (rules.startsWith('host all scram_user')) return;
  const lines = `host all scram_user all scram-sha-256\n${rules}`.trimEnd().split('\n');
  const values = lines.map((line) => `('${line.replaceAll("'", "''")}')`).join(', ');
  await sql(`COPY (SELECT replace(line, chr(9), ' ') FROM (VALUES ${values}) AS v(line)) TO '${file}'`);
  await sql('SELECT pg_reload_conf()');
  await eventually(async () => {
    const [row] = await sql("SELECT 1 FROM pg_hba_file_rules WHERE 'scram_user' = ANY (user_name)");
    const [time] = await sql("SELECT now() - pg_conf_load_time() > interval '0.2 s'");
    return row && time?.[0] === true ? true : undefined;
  }, 'the new rules');
}
