/** The sentences for problems in connection profiles, connection strings, and the files and variables that they are read from. */
import { l10n } from 'vscode';
import type { Fault } from '../../core/base/fault';
import type { ProfileFaults, ValueFaults, ValueSource } from '../../core/postgres/connect/conninfo/faults';
import type { ComposeFaults } from '../../core/postgres/connect/discover/compose';
import { messageFor, type Messages } from './messages';

/** Sentences for a single value, to be shown next to its field. */
const VALUE_MESSAGES: Messages<ValueFaults> = {
  'profile.nameEmpty': () => l10n.t('Enter a name.'),
  'profile.notText': () => l10n.t('Use text without NUL characters.'),
  'profile.notBoolean': () => l10n.t('Use true or false.'),
  'profile.notSeconds': ({ max }) => l10n.t('Use a whole number of seconds from 0 to {0}.', max),
  'profile.notDays': ({ max }) => l10n.t('Use a whole number of days from 0 to {0}.', max),
  'profile.notOneOf': ({ choices }) => l10n.t('Use one of these values: {0}.', choices.join(', ')),
  'profile.notPort': () => l10n.t('Use a whole number from 1 to 65535, or one per host, separated by commas.'),
  'profile.notColor': () => l10n.t('Use a color such as #c04040 or charts.red.'),
  'profile.notCommand': () => l10n.t('Enter a shell command.'),
  'profile.notSettings': () =>
    l10n.t('Use an object with names of parameters and texts, such as { "lock_timeout": "5s" }.'),
  'profile.hostIsUri': () =>
    l10n.t('Enter only the host. To use a connection string, paste it in the form of Add Connection.'),
  'profile.hostIsSocketFile': () =>
    l10n.t('Enter the folder of the socket. The number at the end of the socket’s name is the port.'),
};

/** Sentences that can be shown anywhere: they name the field, the parameter, or the file. */
export const PROFILE_MESSAGES: Messages<ProfileFaults & ComposeFaults> = {
  ...withField(VALUE_MESSAGES),

  'parameter.oldTls': (params) =>
    unsupported(params, l10n.t('TLS versions before 1.2 are not supported. Remove the parameter.')),
  'parameter.gssEncryption': (params) => unsupported(params, l10n.t('GSSAPI encryption is not supported. Use TLS.')),
  'parameter.sslcertmode': (params) => unsupported(params, l10n.t('Only “allow” is supported. Remove the parameter.')),
  'parameter.crlFolder': (params) =>
    unsupported(params, l10n.t('Folders of revocation lists are not supported. Use “sslcrl” with one file.')),
  'parameter.requirepeer': (params) =>
    unsupported(params, l10n.t('The owner of the server’s socket cannot be verified. Remove the parameter.')),
  'parameter.protocolVersion': (params) =>
    unsupported(params, l10n.t('Only protocol version 3.0 is supported. Remove the parameter.')),
  'parameter.replication': (params) =>
    unsupported(params, l10n.t('Workers cannot run on a replication connection. Remove the parameter.')),
  'parameter.keyLog': (params) =>
    unsupported(params, l10n.t('TLS keys are never written to files. Remove the parameter.')),
  'parameter.scramKey': (params) => unsupported(params, l10n.t('Only passwords are supported. Remove the parameter.')),
  'parameter.oauth': (params) =>
    unsupported(params, l10n.t('OAuth is not supported. Use a password command that prints a token.')),

  'profile.notObject': () => l10n.t('A connection must be an object with at least a “name”.'),
  'profile.nameMissing': () => l10n.t('The connection has no “name”. Add one.'),
  'profile.unknownField': ({ suggestion }, _cause, { field = '' }) =>
    suggestion === undefined
      ? l10n.t('There is no field “{0}”. Remove or correct it.', field)
      : l10n.t('There is no field “{0}”. Did you mean “{1}”?', field, suggestion),
  'profile.passwordField': (_params, _cause, { field = '' }) =>
    l10n.t(
      'Remove “{0}”. Passwords are kept in VS Code’s secret storage, never in settings. You are asked for it when you connect.',
      field,
    ),
  'profile.hostCount': ({ hosts, addresses }) =>
    l10n.t('“host” has {0} entries, but “hostaddr” has {1}. Use one address per host.', hosts, addresses),
  'profile.portCount': ({ ports, hosts }) =>
    l10n.t(
      'The number of ports ({0}) differs from the number of hosts ({1}). Use one port, or one per host.',
      ports,
      hosts,
    ),
  'profile.noUser': () => l10n.t('Add a user: the operating system’s user has no name.'),
  'profile.systemNeedsVerifyFull': ({ sslmode }) =>
    l10n.t('The root certificates “system” require the SSL mode verify-full instead of {0}.', sslmode),
  'profile.directNeedsTls': ({ sslmode }) =>
    l10n.t('The SSL negotiation “direct” requires the SSL mode require or stricter instead of {0}.', sslmode),
  'profile.tlsVersionOrder': () =>
    l10n.t('The minimum TLS version is higher than the maximum version. Remove one of them.'),
  'profile.hostaddrInvalid': ({ value }) =>
    l10n.t('“{0}” in “hostaddr” is not an IP address. Use “host” for names.', value),
  'profile.abstractSocket': ({ host }) =>
    l10n.t('“{0}” is a socket in the abstract namespace, which is not supported.', host),

  'conninfo.empty': () => l10n.t('The connection string is empty.'),
  'conninfo.missingEquals': ({ after }) => {
    const forms = l10n.t(
      'Use a URI such as postgres://user@host:5432/database, or pairs such as host=localhost dbname=postgres.',
    );
    return after === undefined
      ? l10n.t('The connection string has no “=”. {0}', forms)
      : l10n.t('The connection string has no “=” after “{0}”. {1}', after, forms);
  },
  'conninfo.unquotedValue': () =>
    l10n.t('The connection string has a word without “=”. Enclose values with blanks in single quotes.'),
  'conninfo.missingQuote': ({ parameter }) =>
    l10n.t('The value of “{0}” in the connection string has no closing quote.', parameter),
  'conninfo.unknownParameter': ({ parameter, suggestion }) =>
    suggestion === undefined
      ? l10n.t('PostgreSQL does not know the parameter “{0}”. Remove or correct it.', parameter)
      : l10n.t('PostgreSQL does not know the parameter “{0}”. Use “{1}”.', parameter, suggestion),
  'conninfo.socketPort': ({ socketPort, port }) =>
    l10n.t('The port in the socket’s name is {0}, but the given port is {1}. Remove one of them.', socketPort, port),
  'conninfo.otherScheme': ({ scheme }) =>
    l10n.t('“{0}://” is not a PostgreSQL address. Use postgres://user@host:5432/database.', scheme),

  'uri.atInUserInfo': () =>
    l10n.t('The URI has more than one “@” before the host. Write an “@” in the user name or password as %40.'),
  'uri.slashInUserInfo': () =>
    l10n.t('The URI has an “@” after a “/”. Write a “/” in the user name or password as %2F.'),
  'uri.bracketNotClosed': () => l10n.t('The URI has a “[” before an IPv6 address, but no “]” after it.'),
  'uri.addressEmpty': () => l10n.t('The URI has an empty IPv6 address. Write the address between “[” and “]”.'),
  'uri.afterBracket': ({ character }) =>
    l10n.t('The URI has an unexpected “{0}” after “]”. Expected “:” and a port, or “/” and a database.', character),
  'uri.ampersandInPassword': () =>
    l10n.t('The URI has an unknown parameter after the password. Write an “&” in the password as %26.'),
  'uri.noValue': ({ parameter }) =>
    l10n.t('The parameter “{0}” of the URI has no value. Add “=” and a value.', parameter),
  'uri.equalsInValue': ({ parameter }) =>
    l10n.t('The parameter “{0}” of the URI has more than one “=”. Write an “=” in a value as %3D.', parameter),
  'uri.unknownParameter': ({ parameter }) =>
    l10n.t('PostgreSQL does not know the parameter “{0}” of the URI. Remove or correct it.', parameter),
  'uri.percentInvalid': ({ part }) =>
    l10n.t('The URI has a “%” without two hexadecimal digits after it (in “{0}”). Write a literal “%” as %25.', part),
  'uri.nul': ({ part }) => l10n.t('The URI contains %00 (in “{0}”), which is not allowed.', part),

  'psql.otherComputer': () =>
    l10n.t('This psql runs on another computer. Enter the address of the server as seen from here.'),
  'psql.container': () =>
    l10n.t('This psql runs in a container. Enter “localhost” and the port that the container publishes.'),
  'psql.noValue': ({ option }) => l10n.t('The psql command has no value after “{0}”. Add it.', option),
  'psql.shellVariable': ({ variable }) =>
    l10n.t('The psql command uses the shell variable {0}, whose value is unknown. Replace it by its value.', variable),

  'service.fileUnreadable': ({ file }) =>
    l10n.t('The service file {0} cannot be read. Correct its path, or create it.', file),
  'service.notFound': ({ service, files }) =>
    l10n.t(
      'The service “{0}” is not defined. Correct its name, or add a section [{0}] to one of these files: {1}.',
      service,
      files.join(', '),
    ),
  'service.ldap': ({ file, line }) => inFile(file, line, l10n.t('Looking up services with LDAP is not supported.')),
  'service.noEquals': ({ file, line }) => inFile(file, line, l10n.t('Expected keyword=value.')),
  'service.nested': ({ file, line }) => inFile(file, line, l10n.t('A service cannot refer to another service.')),
  'service.unknownParameter': ({ file, line, parameter }) =>
    inFile(file, line, l10n.t('PostgreSQL does not know the parameter “{0}”.', parameter)),
  'service.blanks': ({ file, line, parameter }) =>
    inFile(file, line, l10n.t('Remove the blanks around the “=” after “{0}”.', parameter)),

  'compose.syntax': ({ line, detail }) => l10n.t('Line {0} is not valid YAML: {1}', line, detail),
  'compose.tooManyMerges': () => l10n.t('The file has too many merges. The rest of it was skipped.'),
  'compose.tooDeep': () => l10n.t('The file is nested too deeply and was skipped.'),
};

/** The sentence for a fault in a profile or in what it is read from. */
export function profileText(fault: Fault): string {
  return messageFor(PROFILE_MESSAGES, fault);
}

/** The sentence for a fault, to be shown next to the field that it is about. */
export function fieldText(fault: Fault): string {
  return Object.hasOwn(VALUE_MESSAGES, fault.code) ? messageFor(VALUE_MESSAGES, fault) : profileText(fault);
}

/** The same messages, with an introduction that names the field or the source of its value. */
function withField(messages: Messages<ValueFaults>): Messages<ValueFaults> {
  const introduced = Object.keys(messages).map((code) => [
    code,
    ({ variable, service }: ValueSource, _cause: string, fault: Fault): string => {
      const sentence = messageFor(messages, fault);
      const { field = '' } = fault;
      if (variable !== undefined) return l10n.t('The environment variable {0} is invalid. {1}', variable, sentence);
      return service === undefined
        ? l10n.t('“{0}” is invalid. {1}', field, sentence)
        : l10n.t('“{0}” in the service “{1}” is invalid. {2}', field, service, sentence);
    },
  ]);
  return Object.fromEntries(introduced) as Messages<ValueFaults>;
}

function unsupported({ parameter, variable, service }: ValueSource & { parameter: string }, advice: string): string {
  if (variable !== undefined) {
    return l10n.t('The environment variable {0} has an unsupported value. {1}', variable, advice);
  }
  return service === undefined
    ? l10n.t('The parameter “{0}” has an unsupported value. {1}', parameter, advice)
    : l10n.t('The parameter “{0}” of the service “{1}” has an unsupported value. {2}', parameter, service, advice);
}

function inFile(file: string, line: number, problem: string): string {
  return l10n.t('Line {0} of the service file {1} is invalid. {2}', line, file, problem);
}
