/** Problems in a connection's profile, or in what it is read from: connection strings, service files, the environment. */
import type { FaultOf, NoParams } from '../../../base/fault';
import { ConnectError } from '../errors';

/** Where a value comes from, if not from the profile itself: one of libpq's environment variables, or a service. */
export type ValueSource = {
  readonly variable?: string;
  readonly service?: string;
};

/** Problems of a single value. The fault's `field` names the field of the profile. */
export interface ValueFaults {
  'profile.nameEmpty': ValueSource;
  'profile.notText': ValueSource;
  'profile.notBoolean': ValueSource;
  'profile.notSeconds': ValueSource & { readonly max: number };
  'profile.notDays': ValueSource & { readonly max: number };
  'profile.notOneOf': ValueSource & { readonly choices: readonly string[] };
  'profile.notPort': ValueSource;
  'profile.notColor': ValueSource;
  'profile.notCommand': ValueSource;
  'profile.notSettings': ValueSource;
  'profile.hostIsUri': ValueSource;
  'profile.hostIsSocketFile': ValueSource;
}

type Parameter = ValueSource & {
  /** libpq's keyword. */
  readonly parameter: string;
};

/** Parameters of libpq that this extension does not support and that would be unsafe to ignore. */
export interface UnsupportedFaults {
  'parameter.oldTls': Parameter;
  'parameter.gssEncryption': Parameter;
  'parameter.sslcertmode': Parameter;
  'parameter.crlFolder': Parameter;
  'parameter.requirepeer': Parameter;
  'parameter.protocolVersion': Parameter;
  'parameter.replication': Parameter;
  'parameter.keyLog': Parameter;
  'parameter.scramKey': Parameter;
  'parameter.oauth': Parameter;
}

/** A line of a service file, counted from 1. */
type FileLine = {
  readonly file: string;
  readonly line: number;
};

export interface ProfileFaults extends ValueFaults, UnsupportedFaults {
  'profile.notObject': NoParams;
  'profile.nameMissing': NoParams;
  'profile.unknownField': { readonly suggestion?: string };
  'profile.passwordField': NoParams;
  'profile.hostCount': { readonly hosts: number; readonly addresses: number };
  'profile.portCount': { readonly ports: number; readonly hosts: number };
  'profile.noUser': NoParams;
  'profile.systemNeedsVerifyFull': { readonly sslmode: string };
  'profile.directNeedsTls': { readonly sslmode: string };
  'profile.tlsVersionOrder': NoParams;
  'profile.hostaddrInvalid': { readonly value: string };
  'profile.abstractSocket': { readonly host: string };

  'conninfo.empty': NoParams;
  /** `after`: the word that no "=" follows, unless it may be part of a password. */
  'conninfo.missingEquals': { readonly after?: string };
  'conninfo.unquotedValue': NoParams;
  'conninfo.missingQuote': { readonly parameter: string };
  'conninfo.unknownParameter': { readonly parameter: string; readonly suggestion?: string };
  'conninfo.socketPort': { readonly socketPort: string; readonly port: string };
  'conninfo.otherScheme': { readonly scheme: string };

  'uri.atInUserInfo': NoParams;
  'uri.slashInUserInfo': NoParams;
  'uri.bracketNotClosed': NoParams;
  'uri.addressEmpty': NoParams;
  'uri.afterBracket': { readonly character: string };
  'uri.ampersandInPassword': NoParams;
  'uri.noValue': { readonly parameter: string };
  'uri.equalsInValue': { readonly parameter: string };
  'uri.unknownParameter': { readonly parameter: string };
  /** `part`: user, password, host, port, database, or the name of a parameter. */
  'uri.percentInvalid': { readonly part: string };
  'uri.nul': { readonly part: string };

  'psql.otherComputer': NoParams;
  'psql.container': NoParams;
  'psql.noValue': { readonly option: string };
  'psql.shellVariable': { readonly variable: string };

  'service.fileUnreadable': { readonly file: string };
  'service.notFound': { readonly service: string; readonly files: readonly string[] };
  'service.ldap': FileLine;
  'service.noEquals': FileLine;
  'service.nested': FileLine;
  'service.unknownParameter': FileLine & { readonly parameter: string };
  'service.blanks': FileLine & { readonly parameter: string };
}

export type ProfileFault = FaultOf<ProfileFaults>;
export type ValueCode = keyof ValueFaults;
export type UnsupportedCode = keyof UnsupportedFaults;

/** An error for something in a profile, a connection string, or a file that cannot be used. */
export function profileError(fault: ProfileFault): ConnectError {
  return new ConnectError('profile', fault);
}
