import {
  CHOICES,
  FILE_FIELDS,
  FIX_WAYS,
  FLAG_FIELDS,
  type FormValues,
  type FromConnectionPage,
  type SavedConnectionPage,
  TEXT_FIELDS,
} from '../../shared/connectionProtocol';

/** Longer than any path, list of hosts or token; more in a message is a mistake or mischief. */
const MAX_TEXT = 20_000;
const MAX_REST = 40;

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads a message of the connection page. The page shows what servers and files say, so nothing that it says is taken on
 * trust: a message that is not exactly one of the protocol is undefined.
 */
export function parseFromConnectionPage(raw: unknown): FromConnectionPage | undefined {
  const m = fieldsOf(raw);
  if (m === undefined) return undefined;
  switch (m['type']) {
    case 'ready':
    case 'offers':
    case 'forget':
    case 'cancelTest':
    case 'again':
    case 'edit':
    case 'close':
      return { type: m['type'] };
    case 'check': {
      const values = formValues(m['values']);
      return values && { type: 'check', values };
    }
    case 'paste': {
      const values = formValues(m['values']);
      const text = shortText(m['text']);
      return values && text !== undefined ? { type: 'paste', text, values } : undefined;
    }
    case 'test':
    case 'save': {
      const values = formValues(m['values']);
      if (values === undefined) return undefined;
      if (m['password'] === undefined) return { type: m['type'], values };
      const password = shortText(m['password']);
      return password === undefined ? undefined : { type: m['type'], values, password };
    }
    case 'take': {
      const values = formValues(m['values']);
      const offer = index(m['offer']);
      return values && offer !== undefined ? { type: 'take', offer, values } : undefined;
    }
    case 'browse': {
      const field = FILE_FIELDS.find((one) => one === m['field']);
      return field && { type: 'browse', field };
    }
    case 'fix': {
      const examination = index(m['examination']);
      const finding = index(m['finding']);
      const fix = index(m['fix']);
      const way = FIX_WAYS.find((one) => one === m['way']);
      if (examination === undefined || finding === undefined || fix === undefined || !way) return undefined;
      return { type: 'fix', examination, finding, fix, way };
    }
    default:
      return undefined;
  }
}

/** What a page had saved, when VS Code gives it back. */
export function parseSavedPage(raw: unknown): SavedConnectionPage | undefined {
  const m = fieldsOf(raw);
  if (m?.['version'] !== 1) return undefined;
  if (m['kind'] === 'doctor') {
    const connection = shortText(m['connection']);
    return connection === undefined ? undefined : { version: 1, kind: 'doctor', connection };
  }
  const values = formValues(m['values']);
  if (m['kind'] !== 'form' || values === undefined) return undefined;
  const editing = shortText(m['editing']);
  return {
    version: 1,
    kind: 'form',
    ...(editing === undefined ? {} : { editing }),
    values,
    advanced: m['advanced'] === true,
  };
}

function formValues(raw: unknown): FormValues | undefined {
  const m = fieldsOf(raw);
  const rest = restOf(m?.['rest']);
  if (m === undefined || rest === undefined) return undefined;
  const fine =
    TEXT_FIELDS.every((field) => shortText(m[field]) !== undefined) &&
    Object.entries(CHOICES).every(([field, choices]) => choices.some((choice) => choice === m[field])) &&
    FLAG_FIELDS.every((field) => typeof m[field] === 'boolean');
  if (!fine) return undefined;
  const known = [...TEXT_FIELDS, ...Object.keys(CHOICES), ...FLAG_FIELDS];
  return { ...Object.fromEntries(known.map((field) => [field, m[field]])), rest } as FormValues;
}

function restOf(raw: unknown): FormValues['rest'] | undefined {
  const m = fieldsOf(raw);
  if (m === undefined || Array.isArray(raw)) return undefined;
  const entries = Object.entries(m);
  const fine = entries.every(
    ([name, value]) =>
      /^[A-Za-z]{1,40}$/.test(name) &&
      (typeof value === 'boolean' || typeof value === 'number' || shortText(value) !== undefined),
  );
  return fine && entries.length <= MAX_REST ? (Object.fromEntries(entries) as FormValues['rest']) : undefined;
}

function fieldsOf(raw: unknown): Fields | undefined {
  return typeof raw === 'object' && raw !== null ? (raw as Fields) : undefined;
}

function shortText(raw: unknown): string | undefined {
  return typeof raw === 'string' && raw.length <= MAX_TEXT ? raw : undefined;
}

function index(raw: unknown): number | undefined {
  return typeof raw === 'number' && Number.isSafeInteger(raw) && raw >= 0 ? raw : undefined;
}
