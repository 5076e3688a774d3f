/** What a connection takes from the computer it starts on; a test gives its own. */
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';

export interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  readonly platform: NodeJS.Platform;
  /** The folders and files that libpq looks for, or undefined where there is no home. */
  readonly home: HomeFiles | undefined;
  /** The name of the user that runs this program, or undefined where the system does not tell. */
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

/** The surroundings of this process, or of another environment. */
export function surroundingsOf(env: NodeJS.ProcessEnv = process.env, platform = process.platform): Surroundings {
  return { env, platform, home: homeFiles(env, platform), userName: userName() };
}

/** As pqGetHomeDirectory(): the folder that HOME names, on Windows a folder of the application data. */
function homeFiles(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): HomeFiles | undefined {
  const folder = env['HOME'] || homedir();
  if (platform === 'win32') {
    const data = env['APPDATA'];
    if (!data) return undefined;
    const own = join(data, 'postgresql');
    return {
      folder,
      passfile: join(own, 'pgpass.conf'),
      serviceFile: join(own, '.pg_service.conf'),
      ...certificates(own),
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
    // A container may run as a number that has no name.
    return undefined;
  }
}

/** A path of the settings: `~` stands for the home folder there, unlike in libpq. */
export function expandPath(path: string, { home }: Pick<Surroundings, 'home'>): string {
  return home && (path === '~' || path.startsWith('~/')) ? join(home.folder, path.slice(1)) : path;
}
