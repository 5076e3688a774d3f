import * as vscode from 'vscode';
import type { Job } from '../../core/jobs/job';
import { errorText, placeOfError, raisableLimit } from './errorPlace';
import type { MovedSpan, Span } from './edits';
import { shorten } from '../../shared/displayText';
import type { Origin, Origins } from './jobRanges';
import { rangeOf, type Problems } from './diagnostics';

/** UTF-16 units of an entry in Problems. */
const PROBLEM = 3000;

/**
 * Puts the error of a failed job where it belongs in the text that it came from, unless that text is another one by now.
 */
export async function showFailure(job: Job, origins: Origins, problems: Problems): Promise<void> {
  const { error } = job.record;
  const found = await findFailure(job, origins);
  if (!found || !error) return;
  const { document, owner, mark, whole, kind } = found;
  // What was typed right after a statement has made another one of it.
  if (whole && kind !== 'selection' && !problems.isStatement(document, owner)) return;
  problems.add({
    document,
    owner,
    mark,
    message: shorten(errorText(error), PROBLEM, error.truncatedBytes),
    severity: vscode.DiagnosticSeverity.Error,
    sqlstate: error.sqlstate,
    jobId: job.id,
    timedOut: raisableLimit(job.record) !== undefined,
  });
}

interface FoundFailure {
  readonly document: vscode.TextDocument;
  /** The statement that failed, and what is marked in it: where they are in the document now. */
  readonly owner: Span;
  readonly mark: Span;
  readonly whole: boolean;
  readonly kind: Origin['kind'];
}

/** Where a failed job's error is in the document that the job came from; undefined if that text is another one by now. */
async function findFailure(job: Job, origins: Origins): Promise<FoundFailure | undefined> {
  const { error } = job.record;
  const origin = origins.get(job.id);
  if (!origin || !error || job.state !== 'failed') return undefined;
  const document = await openDocument(origin.document);
  if (!document) return undefined;
  const position = error.position === undefined ? undefined : origin.sourceOffset(error.position);
  const { statement, mark, whole } = placeOfError(origin.text, position);
  const now = origins.trace(job.id, statement) ?? (origin.edited ? undefined : placeIn(origin, statement));
  if (!now || now.gone) return undefined;
  const owner = { start: now.start, end: now.end };
  if (document.getText(rangeOf(document, owner)) !== origin.text.slice(statement.start, statement.end)) {
    return undefined;
  }
  const shift = now.start - statement.start;
  return { document, owner, mark: { start: mark.start + shift, end: mark.end + shift }, whole, kind: origin.kind };
}

/** The place of an error in its file. */
export interface FailurePlace {
  readonly uri: vscode.Uri;
  readonly start: vscode.Position;
}

/**
 * Where a failed job's error is in its file: the place that the server named, or the statement that failed. Undefined if the text
 * is another one by now, or if it is not known which one of several statements failed.
 */
export async function failurePlace(job: Job, origins: Origins): Promise<FailurePlace | undefined> {
  const found = await findFailure(job, origins);
  if (!found?.whole) return undefined;
  return { uri: found.document.uri, start: found.document.positionAt(found.mark.start) };
}

/** Where a part of an origin's text is, if that text is unchanged. */
function placeIn({ span }: Origin, part: Span): MovedSpan {
  return { start: span.start + part.start, end: span.start + part.end, touched: false, gone: false };
}

/** The document, also where nobody shows it; undefined where it is gone. */
async function openDocument(uri: string): Promise<vscode.TextDocument | undefined> {
  const open = vscode.workspace.textDocuments.find((document) => document.uri.toString() === uri);
  const parsed = vscode.Uri.parse(uri);
  if (open || parsed.scheme === 'untitled') return open;
  try {
    return await vscode.workspace.openTextDocument(parsed);
  } catch {
    return undefined;
  }
}
