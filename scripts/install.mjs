// Runs `npm ci`, unless the dependencies are installed.
import { ensureDependencies } from './ensure-deps.mjs';
import { log } from './lib/process.mjs';

await ensureDependencies({ log });
