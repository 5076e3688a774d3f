/** What a connection uses of the computer that it starts from. Tests pass their own. */
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';

export interface ConnectEnvironment {
  readonly env: NodeJS.ProcessEnv;
  readonly platform: NodeJS.Platform;
  /** The folders and files that libpq looks for, or undefined without a home folder. */
  readonly home: HomeFiles | undefined;
  /** The name of the operating system's user, or undefined if it has none. */
  readonly userName: string | undefined;
}

export interface HomeFiles {
  /** For `~` in paths. */
  readonly folder: string;
  readonly passfile: string;
  readonly serviceFile: string;
  readonly rootCertificate: string;
  readonly revocationList: string;
  readonly certificate: string;
  readonly key: string;
}

/** @param env environment variables. Default: those of this process */
export function connectEnvironment(
  env: NodeJS.ProcessEnv = process.env,
  platform = process.platform,
): ConnectEnvironment {
  return { env, platform, home: homeFiles(env, platform), userName: userName() };
}

/** As libpq's pqGetHomeDirectory(): the folder in HOME, or on Windows a folder of the application data. */
function homeFiles(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): HomeFiles | undefined {
  const folder = env['HOME'] || homedir();
  if (platform === 'win32') {
    const data = env['APPDATA'];
    if (!data) return undefined;
    const dataFolder = join(data, 'postgresql');
    return {
      folder,
      passfile: join(dataFolder, 'pgpass.conf'),
      serviceFile: join(dataFolder, '.pg_service.conf'),
      ...certificates(dataFolder),
    };
  }
  if (folder === '') return undefined;
  return {
    folder,
    passfile: join(folder, '.pgpass'),
    serviceFile: join(folder, '.pg_service.conf'),
    ...certificates(join(folder, '.postgresql')),
  };
}

function certificates(folder: string): Pick<HomeFiles, 'rootCertificate' | 'revocationList' | 'certificate' | 'key'> {
  return {
    rootCertificate: join(folder, 'root.crt'),
    revocationList: join(folder, 'root.crl'),
    certificate: join(folder, 'postgresql.crt'),
    key: join(folder, 'postgresql.key'),
  };
}

function userName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    // A container may run as a user id without a name.
    return undefined;
  }
}

/** Expands `~` at the beginning of a path from the settings. libpq does not do this. */
export function expandPath(path: string, { home }: Pick<ConnectEnvironment, 'home'>): string {
  return home && (path === '~' || path.startsWith('~/')) ? join(home.folder, path.slice(1)) : path;
}
