// The worked example of docs/components.md does what the page says. `npm test` builds first.

import { expect, test } from 'vitest';
import { ranOnPage } from '../support/page-example.ts';

test('a component of two roles, written as the guide says, finds who likes the same', () => {
  const { printed, shown } = ranOnPage('components');
  expect(printed).toBe(shown);
});
