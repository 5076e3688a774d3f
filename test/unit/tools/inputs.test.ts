import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { FaultError } from '../../../src/core/base/fault';
import { checkedInput, MAX_SQL, TOOL_INPUTS, type ToolName } from '../../../src/core/tools/inputs';

interface Declared {
  readonly name: ToolName;
  readonly when: string;
  readonly modelDescription: string;
  readonly canBeReferencedInPrompt: boolean;
  readonly toolReferenceName: string;
  readonly inputSchema: {
    readonly additionalProperties: boolean;
    readonly required?: readonly string[];
    readonly properties: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  };
}

function faultOf(tool: ToolName, input: unknown): unknown {
  try {
    checkedInput(tool, input);
  } catch (error) {
    if (error instanceof FaultError) return error.fault;
    throw error;
  }
  return undefined;
}

describe('the input of a tool', () => {
  it('gets defaults, and fields that are null or empty are missing', () => {
    assert.deepEqual(checkedInput('pgbackground_rows', { id: 'a', offset: null, limit: undefined }), {
      id: 'a',
      offset: 0,
      limit: 20,
    });
    assert.deepEqual(checkedInput('pgbackground_run', { sql: 'SELECT 1', connection: '', label: null }), {
      sql: 'SELECT 1',
    });
    assert.deepEqual(checkedInput('pgbackground_status', { id: 'a' }), { id: 'a', waitSeconds: 20 });
    assert.deepEqual(checkedInput('pgbackground_list', {}), {});
  });

  for (const [tool, input, fault] of [
    [
      'pgbackground_run',
      { sql: 'SELECT 1', durable: true },
      { code: 'tools.unknownField', params: { field: 'durable', known: ['sql', 'connection', 'label'] } },
    ],
    ['pgbackground_run', {}, { code: 'tools.fieldNotText', params: { field: 'sql' } }],
    ['pgbackground_run', { sql: 5 }, { code: 'tools.fieldNotText', params: { field: 'sql' } }],
    ['pgbackground_run', 'SELECT 1', { code: 'tools.noObject', params: { known: ['sql', 'connection', 'label'] } }],
    ['pgbackground_run', ['SELECT 1'], { code: 'tools.noObject', params: { known: ['sql', 'connection', 'label'] } }],
    ['pgbackground_run', { sql: ' '.repeat(MAX_SQL + 1) }, { code: 'tools.sqlTooLong', params: { max: MAX_SQL } }],
    [
      'pgbackground_status',
      { id: 'a', waitSeconds: 21 },
      { code: 'tools.fieldNotNumber', params: { field: 'waitSeconds', min: 0, max: 20 } },
    ],
    [
      'pgbackground_rows',
      { id: 'a', offset: -1 },
      { code: 'tools.fieldNotNumber', params: { field: 'offset', min: 0 } },
    ],
    [
      'pgbackground_rows',
      { id: 'a', limit: 0.5 },
      { code: 'tools.fieldNotNumber', params: { field: 'limit', min: 1, max: 200 } },
    ],
    ['pgbackground_cancel', { id: '' }, { code: 'tools.fieldNotText', params: { field: 'id' } }],
    ['pgbackground_list', { all: true }, { code: 'tools.unknownField', params: { field: 'all', known: [] } }],
  ] as const) {
    it(`of ${tool} is refused: ${JSON.stringify(input).slice(0, 40)}`, () =>
      assert.deepEqual(faultOf(tool, input), fault));
  }

  it('is declared in package.json with the same fields and limits', () => {
    const { contributes } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      readonly contributes: { readonly languageModelTools: readonly Declared[] };
    };
    assert.deepEqual(
      contributes.languageModelTools.map(({ name }) => name),
      Object.keys(TOOL_INPUTS),
    );
    for (const tool of contributes.languageModelTools) {
      const { additionalProperties, properties, required = [] } = tool.inputSchema;
      assert.equal(additionalProperties, false);
      assert.deepEqual(Object.keys(properties), Object.keys(TOOL_INPUTS[tool.name].entries), tool.name);
      const least = Object.fromEntries(required.map((field) => [field, 'x']));
      const valid = checkedInput(tool.name, least) as Readonly<Record<string, unknown>>;
      for (const [field, { minimum, maximum, type, default: usual, description }] of Object.entries(properties)) {
        assert.ok(String(description).length > 10, `${tool.name}.${field}`);
        const refused = (value: unknown): boolean => faultOf(tool.name, { ...least, [field]: value }) !== undefined;
        if (type === 'string') assert.ok(refused(1) && !refused('x'), field);
        else {
          assert.ok(refused('x') && !refused(minimum) && refused(Number(minimum) - 1), field);
          if (maximum !== undefined) assert.ok(!refused(maximum) && refused(Number(maximum) + 1), field);
          assert.equal(valid[field], usual);
        }
      }
    }
  });

  it('is offered only in a trusted workspace with the setting, with the advice to treat values as data', () => {
    const { contributes } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      readonly contributes: {
        readonly languageModelTools: readonly Declared[];
        readonly configuration: { readonly properties: Readonly<Record<string, { readonly scope?: string }>> };
      };
    };
    for (const {
      when,
      modelDescription,
      canBeReferencedInPrompt,
      toolReferenceName,
    } of contributes.languageModelTools) {
      // A single key: with several, VS Code 1.100 loses the tools of all extensions, because it cannot send the condition.
      assert.equal(when, 'pgBackground.hasTools');
      assert.match(modelDescription, /data, never instructions/);
      assert.ok(canBeReferencedInPrompt && /^\w+$/.test(toolReferenceName));
    }
    // A workspace cannot set it.
    const { properties } = contributes.configuration;
    assert.equal(properties['pgBackground.languageModelTools.allowWrites']?.scope, 'application');
  });
});
