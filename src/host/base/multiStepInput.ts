import * as vscode from 'vscode';
import { plain } from './plainText';
import * as ui from './ui';

/** The user went back to the step before. */
export const BACK = Symbol('back');

/** Where a step stands in its flow. */
export interface StepPlace {
  readonly title: string;
  readonly step: number;
  readonly totalSteps: number;
}

/** One question. Keeps its answer itself; undefined means that the user gave up. */
export type Step = (place: StepPlace) => Promise<typeof BACK | 'done' | undefined>;

/** Asks question after question, with a way back. @returns false where the user gave up */
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
  /** Says what is wrong with an answer. */
  readonly check?: (text: string) => string | undefined;
  /** A button that gives an answer of its own. */
  readonly extra?: { readonly icon: string; readonly tooltip: string; readonly value: string };
}

/** A step that asks for a text. */
export function askText(place: StepPlace, question: TextQuestion): Promise<string | typeof BACK | undefined> {
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
    place,
    () => {
      check();
      return input.validationMessage === undefined ? input.value : undefined;
    },
    extra && { button: { iconPath: new vscode.ThemeIcon(extra.icon), tooltip: extra.tooltip }, answer: extra.value },
  );
}

/** A step that asks for one of several. */
export function askOne<T extends vscode.QuickPickItem>(
  place: StepPlace,
  question: { readonly placeholder: string; readonly items: readonly T[]; readonly active?: T },
): Promise<T | typeof BACK | undefined> {
  const { pick, shown, items } = ui.createQuickPick(question.items, question.placeholder);
  if (question.active) pick.activeItems = shown([question.active]);
  return show(pick, place, () => items(pick.activeItems)[0]);
}

/** @param answer what the user accepted; undefined where it cannot be accepted */
function show<A>(
  input: vscode.InputBox | vscode.QuickPick<vscode.QuickPickItem>,
  { title, step, totalSteps }: StepPlace,
  answer: () => A | undefined,
  extra?: { readonly button: vscode.QuickInputButton; readonly answer: A },
): Promise<A | typeof BACK | undefined> {
  input.title = plain(title);
  if (totalSteps > 1) {
    input.step = step;
    input.totalSteps = totalSteps;
  }
  // Looking something up in the editor must not throw away what was entered before.
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
