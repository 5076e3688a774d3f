import * as vscode from 'vscode';
import type { Job } from '../../core/jobs/job';
import { moreText } from '../base/plainText';
import { problemText } from '../jobs/jobErrorText';
import { raisableLimit } from '../launch/raisableLimit';
import { errorRange } from './errorRange';
import type { MovedSpan, Span } from './edits';
import { shorten } from '../../shared/displayText';
import type { JobRange, JobRanges } from './jobRanges';
import { rangeOf, type EditorDiagnostics } from './editorDiagnostics';

/** The maximum length of an entry in the Problems panel, in UTF-16 code units. */
const MAX_MESSAGE = 3000;

/** Shows the error of a failed job in the Problems panel, at the text of the job, unless that text has changed. */
export async function showFailure(job: Job, jobRanges: JobRanges, diagnostics: EditorDiagnostics): Promise<void> {
  const { error } = job.record;
  const found = await findFailure(job, jobRanges);
  if (!found || !error) return;
  const { document, owner, mark, whole, kind } = found;
  // Text that was typed directly after a statement is now part of it.
  if (whole && kind !== 'selection' && !diagnostics.isStatement(document, owner)) return;
  diagnostics.add({
    document,
    owner,
    mark,
    message: shorten(problemText(error), MAX_MESSAGE, moreText, error.truncatedBytes),
    severity: vscode.DiagnosticSeverity.Error,
    sqlstate: error.sqlstate,
    jobId: job.id,
    timedOut: raisableLimit(job.record) !== undefined,
  });
}

interface FoundFailure {
  readonly document: vscode.TextDocument;
  /** The current ranges of the failed statement and of the mark in it. */
  readonly owner: Span;
  readonly mark: Span;
  readonly whole: boolean;
  readonly kind: JobRange['kind'];
}

/** Finds a failed job's error in its document. @returns undefined if the text has changed */
async function findFailure(job: Job, jobRanges: JobRanges): Promise<FoundFailure | undefined> {
  const { error } = job.record;
  const jobRange = jobRanges.get(job.id);
  if (!jobRange || !error || job.state !== 'failed') return undefined;
  const document = await openDocument(jobRange.document);
  if (!document) return undefined;
  // A statement of a batch may be preceded by what it took over.
  const offset = (error.position ?? -1) - (job.record.batch?.session?.applied?.prefix ?? 0);
  const position = offset < 0 ? undefined : jobRange.sourceOffset(offset);
  const { statement, mark, whole } = errorRange(jobRange.text, position);
  const now = jobRanges.trace(job.id, statement) ?? (jobRange.edited ? undefined : currentSpan(jobRange, statement));
  if (!now || now.gone) return undefined;
  const owner = { start: now.start, end: now.end };
  if (document.getText(rangeOf(document, owner)) !== jobRange.text.slice(statement.start, statement.end)) {
    return undefined;
  }
  const shift = now.start - statement.start;
  return { document, owner, mark: { start: mark.start + shift, end: mark.end + shift }, whole, kind: jobRange.kind };
}

/** The location of an error in its file. */
export interface FailureLocation {
  readonly uri: vscode.Uri;
  readonly start: vscode.Position;
}

/**
 * The location of a failed job's error in its file: the position that the server reported, or else the failed statement.
 * @returns undefined if the text has changed, or if it is unknown which of several statements failed
 */
export async function failureLocation(job: Job, jobRanges: JobRanges): Promise<FailureLocation | undefined> {
  const found = await findFailure(job, jobRanges);
  if (!found?.whole) return undefined;
  return { uri: found.document.uri, start: found.document.positionAt(found.mark.start) };
}

/** The current span of a part of an unedited range. */
function currentSpan({ span }: JobRange, part: Span): MovedSpan {
  return { start: span.start + part.start, end: span.start + part.end, touched: false, gone: false };
}

/** Opens the document. @returns undefined if it no longer exists */
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
