/**
 * The only file that imports the Webview UI Toolkit, and it registers only what the page uses: the toolkit is archived,
 * and replacing it shall stay a change of this one file.
 */
import {
  provideVSCodeDesignSystem,
  vsCodeButton,
  vsCodeCheckbox,
  vsCodeDropdown,
  vsCodeLink,
  vsCodeOption,
  vsCodePanels,
  vsCodePanelTab,
  vsCodePanelView,
  vsCodeTextField,
} from '@vscode/webview-ui-toolkit';
import { makeControl } from './dom';

export function registerToolkit(): void {
  provideVSCodeDesignSystem().register(
    vsCodeButton(),
    vsCodeDropdown(),
    vsCodeLink(),
    vsCodeOption(),
    vsCodePanels(),
    vsCodePanelTab(),
    vsCodePanelView(),
    vsCodeTextField(),
  );
}

/** For the connection page. */
export function registerFormToolkit(): void {
  provideVSCodeDesignSystem().register(
    vsCodeButton(),
    vsCodeCheckbox(),
    vsCodeDropdown(),
    vsCodeOption(),
    vsCodeTextField(),
  );
}

/** A control that holds a text. */
export interface ValueControl extends HTMLElement {
  value: string;
}

/** The tabs; `activeid` is the id of the chosen one. Fires `change`. */
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
