/** Registers the toolkit's elements on the results page, which loads this script after its first rows (results.entry.ts). */
import { registerToolkit } from './base/toolkit';

registerToolkit();
