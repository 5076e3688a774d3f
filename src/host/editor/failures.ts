import * as vscode from 'vscode';
import type { Job } from '../../core/jobs/job';
import { errorText, placeOfError, raisableLimit } from './errorPlace';
import type { MovedSpan, Span } from './edits';
import { shorten } from '../../shared/displayText';
import type { Origin, Origins } from './origins';
import { rangeOf, type Problems } from './problems';

/** UTF-16 units of an entry in Problems. */
const PROBLEM = 3000;

/**
 * Puts the error of a failed job where it belongs in the text that it came from, unless that text is another one by now.
 */
export async function showFailure(job: Job, origins: Origins, problems: Problems): Promise<void> {
  const { error } = job.record;
  const origin = origins.get(job.id);
  if (!origin || !error || job.state !== 'failed') return;
  const document = await openDocument(origin.document);
  if (!document) return;
  const position = error.position === undefined ? undefined : origin.sourceOffset(error.position);
  const { statement, mark, whole } = placeOfError(origin.text, position);
  const now = origins.trace(job.id, statement) ?? (origin.edited ? undefined : placeIn(origin, statement));
  if (!now || now.gone) return;
  const owner = { start: now.start, end: now.end };
  if (document.getText(rangeOf(document, owner)) !== origin.text.slice(statement.start, statement.end)) return;
  // What was typed right behind a statement has made another one of it.
  if (whole && origin.kind !== 'selection' && !problems.isStatement(document, owner)) return;
  const shift = now.start - statement.start;
  problems.add({
    document,
    owner,
    mark: { start: mark.start + shift, end: mark.end + shift },
    message: shorten(errorText(error), PROBLEM, error.truncatedBytes),
    severity: vscode.DiagnosticSeverity.Error,
    sqlstate: error.sqlstate,
    jobId: job.id,
    timedOut: raisableLimit(job.record) !== undefined,
  });
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
