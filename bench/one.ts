// One benchmark in a process of its own, so that none runs with the heap and the compiled code that others left.

import { benches } from './benches.ts';

process.send!(await benches[process.argv[2]!]!());
// What a backend holds may keep the process alive.
process.disconnect();
