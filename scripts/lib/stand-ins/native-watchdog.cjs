// Takes the place of the native module with which the extension host notices that its parent has died while JavaScript is
// stuck (lib/vscode.mjs). The scripts end what they start by themselves.
'use strict';

exports.start = () => {};
exports.exit = process.exit;
