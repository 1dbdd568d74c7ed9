// Done line 6: what a training step costs, and its gradient.

import { benchLine } from './bench-line.ts';

export default benchLine('train');
