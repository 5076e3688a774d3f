// Installs what the other scripts need: what `npm ci` does, where it has not been done yet.
import { ensureDependencies } from './ensure-deps.mjs';
import { log } from './lib/process.mjs';

await ensureDependencies({ log });
