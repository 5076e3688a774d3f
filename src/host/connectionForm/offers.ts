import * as vscode from 'vscode';
import { findInCompose, findInDotenv, parseDotenv, type Candidate } from '../../core/postgres/connect/discover';
import { ConnectError } from '../../core/postgres/connect/errors';
import { environmentVariables, fieldsOf } from '../../core/postgres/connect/keywords';
import { validateProfile, type ConnectionProfile } from '../../core/postgres/connect/profile';
import { listServices } from '../../core/postgres/connect/serviceFile';
import { surroundingsOf } from '../../core/postgres/connect/surroundings';
import type { OfferView } from '../../shared/connectionProtocol';

/** Something that a connection may be filled in from. Its password stays in the host. */
export interface Offer extends OfferView {
  /** With an empty name. */
  readonly profile: ConnectionProfile;
  readonly password: string | undefined;
}

const DOTENV_FILES = ['.env', '.env.local', '.env.development', '.env.development.local'];
const COMPOSE_FILES = ['compose.yaml', 'compose.yml', 'docker-compose.yaml', 'docker-compose.yml'];
/** A menu is no list of hundreds. */
const MOST_OFFERS = 40;

/** Looks at the environment, the service file and the workspace's files. Called when the user asks for it, never before. */
export async function findOffers(): Promise<readonly Offer[]> {
  const surroundings = surroundingsOf();
  const services = await listServices(surroundings);
  const folders = vscode.workspace.isTrusted ? (vscode.workspace.workspaceFolders ?? []) : [];
  const inFolders = await Promise.all(folders.map((folder) => inFolder(folder, folders.length > 1)));
  return [
    ...fromEnvironment(surroundings.env),
    ...services.map(({ name, file }) => ({
      label: vscode.l10n.t('Service {0}', name),
      detail: file,
      profile: { name: '', service: name },
      password: undefined,
    })),
    ...inFolders.flat(),
  ].slice(0, MOST_OFFERS);
}

/** PGHOST and the like. PGPASSWORD stays where it is: connecting finds it there. */
function fromEnvironment(env: NodeJS.ProcessEnv): readonly Offer[] {
  const given = environmentVariables().flatMap(([keyword, variable]) => {
    const value = env[variable];
    return value && keyword !== 'password' ? [{ keyword, variable, value }] : [];
  });
  if (!given.some(({ keyword }) => ['host', 'hostaddr', 'service', 'dbname', 'user'].includes(keyword))) return [];
  try {
    const fields = fieldsOf(new Map(given.map(({ keyword, value }) => [keyword, value])));
    const checked = validateProfile({ ...fields, name: 'environment' });
    if ('problem' in checked) return [];
    const detail = given.map(({ variable, value }) => `${variable}=${value}`).join(' ');
    const label = vscode.l10n.t('Environment variables');
    return [{ label, detail, profile: { ...checked.profile, name: '' }, password: undefined }];
  } catch (error) {
    // A variable that cannot be honored: connecting says which.
    if (error instanceof ConnectError) return [];
    throw error;
  }
}

async function inFolder(folder: vscode.WorkspaceFolder, named: boolean): Promise<readonly Offer[]> {
  const offers: Offer[] = [];
  const add = (file: string, candidates: readonly Candidate[]): void => {
    for (const { source, profile, password } of candidates) {
      const { user, host, port, database } = profile;
      const place = `${user === undefined ? '' : `${user}@`}${host ?? 'localhost'}${port === undefined ? '' : `:${port}`}/${database ?? ''}`;
      const where = named ? `${folder.name}/${file}` : file;
      offers.push({ label: `${source} · ${where}`, detail: place, profile, password });
    }
  };
  const read = async (file: string): Promise<string | undefined> => {
    try {
      return new TextDecoder().decode(await vscode.workspace.fs.readFile(vscode.Uri.joinPath(folder.uri, file)));
    } catch {
      return undefined;
    }
  };
  let dotenv: ReturnType<typeof parseDotenv> | undefined;
  for (const file of DOTENV_FILES) {
    const text = await read(file);
    if (text === undefined) continue;
    if (file === '.env') dotenv = parseDotenv(text);
    add(file, findInDotenv(text));
  }
  for (const file of COMPOSE_FILES) {
    const text = await read(file);
    if (text !== undefined) add(file, findInCompose(text, dotenv));
  }
  return offers;
}
