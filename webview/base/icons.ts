/** VS Code's own icons (codicons), which the build inlines as text. */
import arrowDown from '@vscode/codicons/src/icons/arrow-down.svg';
import arrowUp from '@vscode/codicons/src/icons/arrow-up.svg';
import chevronDown from '@vscode/codicons/src/icons/chevron-down.svg';
import circleSlash from '@vscode/codicons/src/icons/circle-slash.svg';
import clock from '@vscode/codicons/src/icons/clockface.svg';
import close from '@vscode/codicons/src/icons/close.svg';
import copy from '@vscode/codicons/src/icons/copy.svg';
import error from '@vscode/codicons/src/icons/error.svg';
import exportIcon from '@vscode/codicons/src/icons/export.svg';
import filter from '@vscode/codicons/src/icons/filter.svg';
import flame from '@vscode/codicons/src/icons/flame.svg';
import goToFile from '@vscode/codicons/src/icons/go-to-file.svg';
import info from '@vscode/codicons/src/icons/info.svg';
import layoutSidebarRight from '@vscode/codicons/src/icons/layout-sidebar-right.svg';
import pass from '@vscode/codicons/src/icons/pass.svg';
import pinned from '@vscode/codicons/src/icons/pinned.svg';
import search from '@vscode/codicons/src/icons/search.svg';
import stopCircle from '@vscode/codicons/src/icons/stop-circle.svg';
import sync from '@vscode/codicons/src/icons/sync.svg';
import warning from '@vscode/codicons/src/icons/warning.svg';

/** SVG texts, 16 by 16, in the color of the surrounding text. */
export const ICONS = {
  ascending: arrowUp,
  canceled: circleSlash,
  chevron: chevronDown,
  clock,
  close,
  copy,
  descending: arrowDown,
  down: arrowDown,
  error,
  expensive: flame,
  export: exportIcon,
  filter,
  find: search,
  info,
  open: goToFile,
  pane: layoutSidebarRight,
  pass,
  pin: pinned,
  stop: stopCircle,
  sync,
  up: arrowUp,
  warning,
} as const;

export type IconName = keyof typeof ICONS;
