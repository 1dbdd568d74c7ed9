// Whether a document is SARIF 2.1.0, by the standard's own schema.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv } from 'ajv';
import { projectRoot } from './root.ts';

const schemaFile = path.join(projectRoot, 'tests/fixtures/sarif/sarif-2.1.0-rtm.5.json');

/** What the schema has against the document; empty if it is valid. */
export function sarifProblems(document: unknown): readonly string[] {
  // The schema is of draft 4. Nothing in it means something else in draft 7, but for the name of its own id.
  const { id, ...schema } = JSON.parse(readFileSync(schemaFile, 'utf8')) as {
    readonly id: string;
  };
  const ajv = new Ajv({ strict: false, validateFormats: false, unicodeRegExp: false, allErrors: true });
  const validate = ajv.compile({ ...schema, $id: id, $schema: 'http://json-schema.org/draft-07/schema#' });
  if (validate(document)) return [];
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath}: ${message}`);
}
