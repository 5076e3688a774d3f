/**
 * Registers the elements of the Webview UI Toolkit that the pages use. This is the only file that imports the toolkit, because it is
 * archived and will have to be replaced.
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

/** For the results page. */
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
  followTheme();
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

/**
 * The toolkit reads the colors of the theme, now and after each change, from the `load` event on. A page that loads the toolkit after its
 * first rows has had that event.
 */
function followTheme(): void {
  if (document.readyState === 'complete') window.dispatchEvent(new Event('load'));
}
