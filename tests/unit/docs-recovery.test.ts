// The worked example of docs/recovery.md does what the page says. `npm test` builds first.

import { expect, test } from 'vitest';
import { ranOnPage } from '../support/page-example.ts';

test('a session that is moved in the middle ends as the page says', () => {
  const { printed, shown } = ranOnPage('recovery');
  expect(printed).toBe(shown);
});
