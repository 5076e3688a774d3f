/** The server truncates a worker's application_name to this size (NAMEDATALEN - 1). It is always ASCII. Bytes. */
const MAX_NAME = 63;

/**
 * The label in a worker's application_name, for display. The name is `pg_background:<label>:<pid>`, or `pg_background:<pid>` without
 * a label. Truncation removes the end of the pid or, of a long label, the pid and the end of the label. PostgreSQL 16 and later
 * escape the bytes of non-ASCII characters.
 * @returns '' if the worker has no label, or has not set its name yet
 */
export function labelOf(applicationName: string, pid: number): string {
  const inner = applicationName.replace(/^pg_background:/, '');
  if (inner === String(pid)) return '';
  const cut = applicationName.length >= MAX_NAME;
  return decodeEscapes(withoutPid(inner, `:${pid}`, cut), cut);
}

/** Removes `:<pid>`, or as much of it as a truncated name contains. */
function withoutPid(inner: string, tail: string, cut: boolean): string {
  if (inner.endsWith(tail)) return inner.slice(0, -tail.length);
  if (!cut) return inner;
  for (let length = tail.length - 1; length > 0; length--) {
    if (inner.endsWith(tail.slice(0, length))) return inner.slice(0, -length);
  }
  return inner;
}

/** Decodes escapes such as `\xc3\xa9` from UTF-8. A run of escapes that is not valid UTF-8 remains unchanged. */
function decodeEscapes(text: string, cut: boolean): string {
  const whole = cut ? text.replace(/\\(x[0-9a-f]?)?$/, '') : text;
  return whole.replace(/(?:\\x[89a-f][0-9a-f])+/g, (run: string, at: number) => {
    const bytes = Buffer.from(run.replaceAll('\\x', ''), 'hex');
    const atEnd = cut && at + run.length === whole.length;
    // The last character of a truncated label may be incomplete.
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
