// The host's side: a session from beginning to end; ../shared/training.ts says what it prints.

import { runTraining } from '../shared/training.ts';

await runTraining(import.meta.url, { flow: 'step', every: 20, accuracy: 'rows told rightly' });
