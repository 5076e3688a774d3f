/** A worker's application_name is cut off after this many bytes (NAMEDATALEN - 1). All of it is ASCII. */
const LONGEST_NAME = 63;

/**
 * The label in a worker's application_name, for display: `pg_background:<label>:<pid>`, or `pg_background:<pid>` without a label.
 * What is cut off belongs to the pid, or, of a long label, to the pid and the end of the label. PostgreSQL 16 and newer write other
 * characters than ASCII as the escapes of their bytes.
 * @returns '' if the worker has no label, or has not set its name yet
 */
export function labelOf(applicationName: string, pid: number): string {
  const inner = applicationName.replace(/^pg_background:/, '');
  if (inner === String(pid)) return '';
  const cut = applicationName.length >= LONGEST_NAME;
  return decodeEscapes(withoutPid(inner, `:${pid}`, cut), cut);
}

/** Without `:<pid>`, or without as much of it as is there in a name that was cut off. */
function withoutPid(inner: string, tail: string, cut: boolean): string {
  if (inner.endsWith(tail)) return inner.slice(0, -tail.length);
  if (!cut) return inner;
  for (let length = tail.length - 1; length > 0; length--) {
    if (inner.endsWith(tail.slice(0, length))) return inner.slice(0, -length);
  }
  return inner;
}

/** Turns runs of escapes such as `\xc3\xa9` into the characters that they are in UTF-8; a run that is not UTF-8 stays as it is. */
function decodeEscapes(text: string, cut: boolean): string {
  const whole = cut ? text.replace(/\\(x[0-9a-f]?)?$/, '') : text;
  return whole.replace(/(?:\\x[89a-f][0-9a-f])+/g, (run: string, at: number) => {
    const bytes = Buffer.from(run.replaceAll('\\x', ''), 'hex');
    const atEnd = cut && at + run.length === whole.length;
    // The last character of a label that was cut off may be incomplete.
    for (let drop = 0; drop <= (atEnd ? 3 : 0); drop++) {
      const decoded = decodeUtf8(bytes.subarray(0, bytes.length - drop));
      if (decoded !== undefined) return decoded;
    }
    return run;
  });
}

function decodeUtf8(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
