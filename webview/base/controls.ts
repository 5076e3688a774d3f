/** Creates elements of the Webview UI Toolkit. They work once toolkit.ts has registered them. */
import { makeControl } from './dom';

/** A control with a text value. */
export interface ValueControl extends HTMLElement {
  value: string;
}

/** Tabs. `activeid` is the id of the selected tab. Fires `change`. */
export interface TabsControl extends HTMLElement {
  activeid: string;
}

export function makeDropdown(className: string): ValueControl {
  return Object.assign(makeControl('vscode-dropdown', className), { value: '' });
}

export function makeTextField(className: string): ValueControl {
  return Object.assign(makeControl('vscode-text-field', className), { value: '' });
}

export interface CheckControl extends HTMLElement {
  checked: boolean;
}

export function makeCheckbox(label: string): CheckControl {
  return Object.assign(makeControl('vscode-checkbox', '', label), { checked: false });
}

export function makePanels(className: string): TabsControl {
  return Object.assign(makeControl('vscode-panels', className), { activeid: '' });
}
