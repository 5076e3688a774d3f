import { posix } from 'node:path';
import * as vscode from 'vscode';
import { findInDotenv, type Candidate } from '../../core/postgres/connect/discover/discover';
import { parseDotenv, type Variables } from '../../core/postgres/connect/discover/dotenv';
import { ConnectError } from '../../core/postgres/connect/errors';
import { environmentVariables, fieldsOf } from '../../core/postgres/connect/conninfo/keywords';
import { validateProfile, type ConnectionProfile } from '../../core/postgres/connect/conninfo/profile';
import { listServices } from '../../core/postgres/connect/conninfo/serviceFile';
import { connectEnvironment } from '../../core/postgres/connect/conninfo/environment';
import type { OfferView } from '../../shared/connectionProtocol';
import { fullAddressText } from '../connections/connectionAddress';
import { profileText } from '../messages/profileMessages';

/** A source from which the form can be filled. Its password stays in the host. */
export interface Offer extends OfferView {
  /** With an empty name. */
  readonly profile: ConnectionProfile;
  readonly password: string | undefined;
}

const DOTENV_FILES = ['.env', '.env.local', '.env.development', '.env.development.local'];
const COMPOSE_FILES = ['compose.yaml', 'compose.yml', 'docker-compose.yaml', 'docker-compose.yml'];
/** Limit of entries, so that the menu stays usable. */
const MAX_OFFERS = 40;

/** Larger files are skipped: they are not written by hand. Bytes. */
const MAX_FILE_BYTES = 1024 * 1024;

export interface Offers {
  readonly offers: readonly Offer[];
  /** Sentences about files that could not be read. */
  readonly problems: readonly string[];
}

/** Searches the environment, the service file, and the workspace's files. Called only when the user asks for it. */
export async function findOffers(): Promise<Offers> {
  const environment = connectEnvironment();
  const services = await listServices(environment);
  const folders = vscode.workspace.isTrusted ? (vscode.workspace.workspaceFolders ?? []) : [];
  const inFolders = await Promise.all(folders.map((folder) => inFolder(folder, folders.length > 1)));
  const offers = [
    ...fromEnvironment(environment.env),
    ...services.map(({ name, file }) => ({
      label: vscode.l10n.t('Service {0}', name),
      detail: file,
      profile: { name: '', service: name },
      password: undefined,
    })),
    ...inFolders.flatMap(({ offers: found }) => found),
  ].slice(0, MAX_OFFERS);
  return { offers, problems: inFolders.flatMap(({ problems }) => problems) };
}

/** Offers PGHOST and the like. PGPASSWORD is not copied, because connecting finds it in the environment. */
function fromEnvironment(env: NodeJS.ProcessEnv): readonly Offer[] {
  const given = environmentVariables().flatMap(([keyword, variable]) => {
    const value = env[variable];
    return value && keyword !== 'password' ? [{ keyword, variable, value }] : [];
  });
  if (!given.some(({ keyword }) => ['host', 'hostaddr', 'service', 'dbname', 'user'].includes(keyword))) return [];
  try {
    const fields = fieldsOf(new Map(given.map(({ keyword, value }) => [keyword, value])));
    const checked = validateProfile({ ...fields, name: 'environment' });
    if ('fault' in checked) return [];
    const detail = given.map(({ variable, value }) => `${variable}=${value}`).join(' ');
    const label = vscode.l10n.t('Environment variables');
    return [{ label, detail, profile: { ...checked.profile, name: '' }, password: undefined }];
  } catch (error) {
    // A variable is not supported: connecting reports which.
    if (error instanceof ConnectError) return [];
    throw error;
  }
}

async function inFolder(folder: vscode.WorkspaceFolder, named: boolean): Promise<Offers> {
  const offers: Offer[] = [];
  const problems: string[] = [];
  const nameOf = (file: string): string => (named ? `${folder.name}/${file}` : file);
  const add = (file: string, candidates: readonly Candidate[]): void => {
    for (const { source, profile, password } of candidates) {
      offers.push({ label: `${source} · ${nameOf(file)}`, detail: fullAddressText(profile), profile, password });
    }
  };
  const read = (file: string): Promise<string | undefined> => readFile(folder.uri, file);
  let dotenv: Variables | undefined;
  for (const file of DOTENV_FILES) {
    const text = await read(file);
    if (text === undefined) continue;
    if (file === '.env') dotenv = parseDotenv(text);
    add(file, findInDotenv(text));
  }
  for (const file of COMPOSE_FILES) {
    const text = await read(file);
    if (text === undefined) continue;
    // Loaded on demand, because only this needs the YAML parser.
    const { findInCompose } = await import('../../core/postgres/connect/discover/compose');
    const { candidates, fault } = await findInCompose(text, { ...(dotenv ? { dotenv } : {}), readFile: read });
    add(file, candidates);
    if (fault) problems.push(vscode.l10n.t('{0}: {1}', nameOf(file), profileText(fault)));
  }
  return { offers, problems };
}

/** Reads a file of the folder. Returns undefined if it does not exist, is too large, or is outside the folder. */
async function readFile(folder: vscode.Uri, path: string): Promise<string | undefined> {
  const relative = posix.normalize(path.replaceAll('\\', '/'));
  if (posix.isAbsolute(relative) || relative.split('/').includes('..') || /^[A-Za-z]:/.test(relative)) return undefined;
  try {
    const uri = vscode.Uri.joinPath(folder, relative);
    if ((await vscode.workspace.fs.stat(uri)).size > MAX_FILE_BYTES) return undefined;
    // The decoder removes a byte order mark.
    return new TextDecoder().decode(await vscode.workspace.fs.readFile(uri));
  } catch {
    return undefined;
  }
}
