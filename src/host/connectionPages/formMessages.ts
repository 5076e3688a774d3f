import { safeParse } from 'valibot';
import {
  type FromConnectionPage,
  fromConnectionPageSchema,
  type SavedConnectionPage,
  savedConnectionPageSchema,
} from '../../shared/connectionRequests';

/** Parses a message of the page. @returns undefined if the message is not valid; unknown fields are dropped */
export function parseFromConnectionPage(raw: unknown): FromConnectionPage | undefined {
  const parsed = safeParse(fromConnectionPageSchema, raw, { abortEarly: true });
  return parsed.success ? parsed.output : undefined;
}

/** Parses the state that a page saved, when VS Code restores it. @returns undefined if the state is not valid */
export function parseSavedPage(raw: unknown): SavedConnectionPage | undefined {
  const parsed = safeParse(savedConnectionPageSchema, withCurrentKind(raw), { abortEarly: true });
  return parsed.success ? parsed.output : undefined;
}

/** The kind of a test page was `doctor` before it was renamed. */
function withCurrentKind(raw: unknown): unknown {
  const isOld = typeof raw === 'object' && raw !== null && 'kind' in raw && raw.kind === 'doctor';
  return isOld ? { ...raw, kind: 'test' } : raw;
}
