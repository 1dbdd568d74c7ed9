// Done line 7: what compiling, running and the wire cost.

import { benchLine } from './bench-line.ts';

export default benchLine('runtime', 'run', 'compile', 'weights');
