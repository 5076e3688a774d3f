import { createReadStream, createWriteStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import * as vscode from 'vscode';
import { PRIVATE } from '../../core/base/files';
import { openText } from './exportRows';
import type { StoredText } from './rowSource';

/** Maximum size of an untitled document in bytes; its text goes through the extension host. */
const MAX_DOCUMENT_BYTES = 10 * 1024 * 1024;

/** Shows a text in an editor as plain text. @throws if it cannot be read */
export async function openStoredText({ file, place, shown }: StoredText): Promise<void> {
  const { offset, bytes } = place ?? { offset: 0, bytes: (await stat(file)).size };
  if (bytes <= MAX_DOCUMENT_BYTES) {
    await openText(await readPart(file, offset, bytes), 'plaintext');
    return;
  }
  if (place) {
    await pipeline(
      createReadStream(file, { start: offset, end: offset + bytes - 1 }),
      createWriteStream(shown, { mode: PRIVATE }),
    );
  }
  // The window itself reads the file.
  await vscode.commands.executeCommand('vscode.open', vscode.Uri.file(place ? shown : file));
}

async function readPart(file: string, offset: number, bytes: number): Promise<string> {
  const handle = await open(file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(bytes), 0, bytes, offset);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}
