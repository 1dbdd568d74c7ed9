// One seed for every property test, so that a run can be repeated: the tests that gate a change must not fail by
// chance. `FAST_CHECK_SEED=random npm test` looks further; a failure prints its seed.

import fc from 'fast-check';

const asked = process.env.FAST_CHECK_SEED;
if (asked !== 'random') fc.configureGlobal({ seed: asked === undefined ? 1 : Number(asked) });
