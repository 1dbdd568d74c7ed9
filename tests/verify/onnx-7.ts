// Done line 7: what the CPU backend costs.

import { benchLine } from './bench-line.ts';

export default benchLine('cpu');
