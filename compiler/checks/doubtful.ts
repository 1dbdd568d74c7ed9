// Legal and doubtful: what the ONNX checker lets pass and an author will hardly have meant.

import { diagnostic } from '../../ir/index.ts';
import { minIrVersion, newestOpset } from '../../ir/ops/schema.ts';
import { type CheckContext, inFile } from './context.ts';
import { repeated } from './header.ts';

export function checkDoubtful(cx: CheckContext): void {
  const { model, report } = cx;
  const doubt = (problem: string, hint: string, context = inFile(model)): void =>
    report(diagnostic('BB221', { problem, hint }, context));
  const { outputs } = model.mainGraph;
  if (outputs.length === 0) doubt('the graph has no outputs', 'name what it is to compute as an output');
  const twice = repeated(outputs.map((id) => model.value(id).name));
  if (twice !== undefined)
    doubt(`the output ${JSON.stringify(twice)} is listed twice`, 'list it once', inFile(model, twice));
  const { opsets, irVersion } = model.header;
  for (const [domain, version] of opsets) {
    const newest = newestOpset(domain);
    const name = domain === '' ? 'ai.onnx' : domain;
    if (newest !== undefined && version > newest)
      doubt(
        `opset ${version} of ${name} is newer than ${newest}, the newest we know`,
        'import a known opset',
      );
    else if (newest !== undefined && irVersion < minIrVersion(version, domain))
      doubt(
        `IR version ${irVersion} is older than opset ${version} of ${name}`,
        `set ir_version to ${minIrVersion(version, domain)} or later`,
      );
  }
}
