import * as vscode from 'vscode';
import { plain } from './plainText';
import * as ui from './ui';

/** The answer of a step if the user went back. */
export const BACK = Symbol('back');

/** The position of a step in its flow. */
export interface StepPosition {
  readonly title: string;
  readonly step: number;
  readonly totalSteps: number;
}

/** Asks one question and stores the answer. Returns undefined if the user gave up. */
export type Step = (position: StepPosition) => Promise<typeof BACK | 'done' | undefined>;

/** Asks the questions in order; the user can go back. @returns false if the user gave up */
export async function runSteps(title: string, steps: readonly Step[]): Promise<boolean> {
  for (let index = 0; index < steps.length;) {
    const answer = await steps[index]?.({ title, step: index + 1, totalSteps: steps.length });
    if (answer === undefined) return false;
    index += answer === BACK ? -1 : 1;
  }
  return true;
}

export interface TextQuestion {
  readonly prompt: string;
  readonly value: string;
  readonly placeholder?: string;
  readonly password?: boolean;
  /** Returns the problem of an answer; undefined if it is valid. */
  readonly check?: (text: string) => string | undefined;
  /** A button that answers with a fixed value. */
  readonly extra?: { readonly icon: string; readonly tooltip: string; readonly value: string };
}

/** Asks for a text. */
export function askText(position: StepPosition, question: TextQuestion): Promise<string | typeof BACK | undefined> {
  const input = ui.createInputBox();
  input.value = question.value;
  input.prompt = plain(question.prompt);
  input.placeholder = question.placeholder;
  input.password = question.password ?? false;
  const check = (): void => {
    const problem = question.check?.(input.value);
    input.validationMessage = problem === undefined ? undefined : plain(problem);
  };
  input.onDidChangeValue(check);
  const { extra } = question;
  return show(
    input,
    position,
    () => {
      check();
      return input.validationMessage === undefined ? input.value : undefined;
    },
    extra && { button: { iconPath: new vscode.ThemeIcon(extra.icon), tooltip: extra.tooltip }, answer: extra.value },
  );
}

/** Asks the user to choose one of several items. */
export function askOne<T extends vscode.QuickPickItem>(
  position: StepPosition,
  question: { readonly placeholder: string; readonly items: readonly T[]; readonly active?: T },
): Promise<T | typeof BACK | undefined> {
  const { pick, shown, items } = ui.createQuickPick(question.items, question.placeholder);
  if (question.active) pick.activeItems = shown([question.active]);
  return show(pick, position, () => items(pick.selectedItems)[0]);
}

/** @param answer returns the current answer, or undefined if it is not valid */
function show<A>(
  input: vscode.InputBox | vscode.QuickPick<vscode.QuickPickItem>,
  { title, step, totalSteps }: StepPosition,
  answer: () => A | undefined,
  extra?: { readonly button: vscode.QuickInputButton; readonly answer: A },
): Promise<A | typeof BACK | undefined> {
  input.title = plain(title);
  if (totalSteps > 1) {
    input.step = step;
    input.totalSteps = totalSteps;
  }
  // Looking something up in the editor must not discard earlier answers.
  input.ignoreFocusOut = true;
  input.buttons = [...(step > 1 ? [vscode.QuickInputButtons.Back] : []), ...(extra ? [extra.button] : [])];
  return new Promise((resolve) => {
    input.onDidTriggerButton((button) => {
      resolve(extra && button === extra.button ? extra.answer : BACK);
      input.hide();
    });
    input.onDidAccept(() => {
      const accepted = answer();
      if (accepted === undefined) return;
      resolve(accepted);
      input.hide();
    });
    input.onDidHide(() => {
      resolve(undefined);
      input.dispose();
    });
    input.show();
  });
}
