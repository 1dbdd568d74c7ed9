// Runs the compiled deployment: loads it, starts its one node, and calls it.

import { onnxRuntimeBackend } from 'bytesandbrains/backends/onnxruntime';
import { startDeployment } from 'bytesandbrains/host';
import { loadDeployment } from 'bytesandbrains/host/node';

const [folder = 'deployment'] = process.argv.slice(2);
const { bundles } = await loadDeployment(folder);
const backend = onnxRuntimeBackend();
const deployment = await startDeployment({
  peers: [{ id: 'server', bundle: bundles.get('server')! }],
  backend,
});
try {
  const x = new Float32Array([1, 0, 1, 0, 0, 1, 0, 2]);
  const result = await deployment.invoke({
    x: { dtype: 'float32', dims: [2, 4], bytes: new Uint8Array(x.buffer) },
  });
  const { y } = result.outputs;
  if (y === undefined || !('bytes' in y)) throw new Error(`no result: ${JSON.stringify(y)}`);
  console.log(Array.from(new Float32Array(y.bytes.slice().buffer), (one) => one.toFixed(4)).join(' '));
} finally {
  await deployment.close();
  await backend.close();
}
