import { existsSync } from 'node:fs';
import path from 'node:path';

// Searched for, because verifications are bundled: their files are then not where they were.
let root = import.meta.dirname;
while (!existsSync(path.join(root, 'package.json'))) root = path.dirname(root);

export const projectRoot = root;
