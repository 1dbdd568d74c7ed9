// Done line 7: what telling types costs, and what the CPU backend does.

import { benchLine } from './bench-line.ts';

export default benchLine('infer', 'growth', 'cpu');
