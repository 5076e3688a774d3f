import assert from 'node:assert/strict';
import { parseConnectionString } from '../../../src/core/postgres/connect/conninfo/conninfo';
import type { ProfileFault } from '../../../src/core/postgres/connect/conninfo/faults';
import { fieldFault, validateProfile } from '../../../src/core/postgres/connect/conninfo/profile';
import { faultText } from '../../../src/host/messages/faultText';
import { fieldText, PROFILE_MESSAGES } from '../../../src/host/messages/profileMessages';
import { faultFrom } from './support';

function faultIn(profile: unknown): ProfileFault {
  const checked = validateProfile(profile);
  assert.ok('fault' in checked);
  return checked.fault;
}

describe('texts of invalid connections', () => {
  it('name the field, except next to the field itself', () => {
    const fault = faultIn({ name: 'x', port: 'y' });
    assert.equal(fieldText(fault), 'Use a whole number from 1 to 65535, or one per host, separated by commas.');
    assert.equal(faultText(fault), `“port” is invalid. ${fieldText(fault)}`);
    assert.equal(
      faultText(faultIn({ name: 'x', sslmode: 'on' })),
      '“sslmode” is invalid. Use one of these values: disable, allow, prefer, require, verify-ca, verify-full.',
    );
    const unknown = faultIn({ name: 'x', dbname: 'd' });
    assert.equal(faultText(unknown), 'There is no field “dbname”. Did you mean “database”?');
    assert.equal(fieldText(unknown), faultText(unknown));
    assert.match(faultText(faultIn({ name: 'x', password: 'secret' })), /^Remove “password”\. .* never in settings\./);
  });

  it('name the environment variable or the service that has the value', () => {
    const textFrom = (source: { variable?: string; service?: string }): string =>
      faultText(fieldFault('keepalives', 'yes', source)!);
    assert.equal(textFrom({ variable: 'PGX' }), 'The environment variable PGX is invalid. Use true or false.');
    assert.equal(textFrom({ service: 's' }), '“keepalives” in the service “s” is invalid. Use true or false.');
  });

  it('explain what to change in a connection string', () => {
    const textOf = (text: string): string => faultText(faultFrom(() => parseConnectionString(text)));
    assert.equal(
      textOf('postgres://a@b@c/d'),
      'The URI has more than one “@” before the host. Write an “@” in the user name or password as %40.',
    );
    assert.equal(textOf('host=h username=u'), 'PostgreSQL does not know the parameter “username”. Use “user”.');
    assert.equal(
      textOf('postgres://h/d?requirepeer=root'),
      'The parameter “requirepeer” has an unsupported value. The owner of the server’s socket cannot be verified. Remove the parameter.',
    );
    assert.match(textOf('mydb'), /^The connection string has no “=” after “mydb”\. Use a URI such as/);
  });

  it('are complete sentences for every code', () => {
    const params = {
      ...{ max: 1, choices: ['a'], parameter: 'p', hosts: 2, addresses: 3, ports: 2, sslmode: 'prefer', value: 'v' },
      ...{
        host: '@h',
        socketPort: '1',
        port: '2',
        scheme: 's',
        character: 'c',
        part: 'q',
        option: '-h',
        variable: 'V',
      },
      ...{ file: 'f', line: 4, files: ['f', 'g'], service: 's', detail: 'Missing quote.' },
    };
    for (const code of Object.keys(PROFILE_MESSAGES)) {
      const text = faultText({ code, field: 'field', params });
      assert.match(text, /^[A-Z“].{8,}[.?]$/s, code);
      assert.doesNotMatch(text, /undefined|\{\d\}/, code);
    }
  });
});
