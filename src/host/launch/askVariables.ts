import * as vscode from 'vscode';
import type { ParameterValue } from '../../core/sql/parameters';
import { leavesAsWritten, readValue, type Variable } from './parameterInput';
import { plain } from '../base/plainText';
import { askText, runSteps, type Step } from '../base/multiStepInput';

/** Asks for the values of variables. Remembers them until the window closes. */
export class VariableValues {
  readonly #typed = new Map<string, string>();

  /**
   * Asks for all values in one flow.
   * @returns the values, without the variables that stay as written; undefined if the user cancels
   */
  async ask(variables: readonly Variable[]): Promise<ReadonlyMap<string, ParameterValue> | undefined> {
    const values = new Map<string, ParameterValue>();
    const steps = variables.map((variable): Step => async (position) => {
      const { name, written, identifier, literal, suggested, question } = variable;
      const secret = /passw|pwd|secret/i.test(name);
      const prompt = identifier
        ? vscode.l10n.t('A name for {0}. Double quotes are added.', written)
        : literal
          ? vscode.l10n.t('A text for {0}. Quotes are added.', written)
          : vscode.l10n.t(
              "A value for {0}: a number, NULL, or a text, to which quotes are added. Enter '5' in quotes for a text that is a number.",
              written,
            );
      const full = question === undefined ? prompt : `${plain(question.trim())} ${prompt}`;
      const typed = await askText(position, {
        value: suggested ?? this.#typed.get(name) ?? '',
        prompt: vscode.l10n.t('{0} Enter {1} to leave it as written.', full, written),
        password: secret,
        extra: {
          icon: 'code',
          tooltip: vscode.l10n.t('Leave {0} as Written', written),
          value: written,
        },
        check: (text) => problemOf(text, variable),
      });
      if (typeof typed !== 'string') return typed;
      values.delete(name);
      if (leavesAsWritten(typed, variable)) return 'done';
      this.#typed.set(name, typed);
      values.set(name, readValue(typed, variable));
      return 'done';
    });
    const done = await runSteps(vscode.l10n.t('Values for the Variables'), steps);
    return done ? values : undefined;
  }
}

function problemOf(text: string, { identifier }: Variable): string | undefined {
  if (text.includes('\0')) return vscode.l10n.t('PostgreSQL does not accept a NUL character.');
  return identifier && text.trim() === '' ? vscode.l10n.t('Enter a name.') : undefined;
}
