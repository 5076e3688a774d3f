import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Mounts a disk of 1 MB at a folder. Requires root, and does not work in every container. */
function mountSmallDisk(folder: string): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=0700', 'tmpfs', folder], { stdio: 'ignore' });
}

/** Whether {@link withSmallDisk} works here. */
export function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const folder = mkdtempSync(join(tmpdir(), 'pgbg-mount-'));
  try {
    mountSmallDisk(folder);
    execFileSync('umount', [folder]);
    return true;
  } catch {
    return false;
  } finally {
    rmdirSync(folder);
  }
}

/** Calls with a folder that is a disk of 1 MB. */
export async function withSmallDisk(use: (folder: string) => Promise<void>): Promise<void> {
  const parent = await mkdtemp(join(tmpdir(), 'pgbg-disk-'));
  const folder = join(parent, 'disk');
  try {
    await mkdir(folder);
    mountSmallDisk(folder);
    try {
      await use(folder);
    } finally {
      execFileSync('umount', [folder]);
    }
  } finally {
    await rm(parent, { recursive: true, force: true });
  }
}
