// Replaces the native module that ends an extension host whose parent has died while JavaScript is blocked (lib/vscode.mjs). The scripts
// end every process that they start.
'use strict';

exports.start = () => {};
exports.exit = process.exit;
