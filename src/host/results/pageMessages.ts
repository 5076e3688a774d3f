import { safeParse } from 'valibot';
import { type FromPage, fromPageSchema } from '../../shared/resultsRequests';

/** Parses a message of the page. @returns undefined if the message is not valid; unknown fields are dropped */
export function parseFromPage(raw: unknown): FromPage | undefined {
  const result = safeParse(fromPageSchema, raw, { abortEarly: true });
  return result.success ? result.output : undefined;
}
