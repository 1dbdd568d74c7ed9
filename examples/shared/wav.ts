// Reads sound from WAV files: 16-bit PCM, one channel (RIFF; Multimedia Programming Interface 1.0, chapter 3).

import { readFileSync } from 'node:fs';

/** The samples of a file. Throws Error if it is not of this kind, or of another sample rate. */
export function readWav(file: string, sampleRate: number): Int16Array {
  const bytes = readFileSync(file);
  const fail = (reason: string): never => {
    throw new Error(`${file}: ${reason}; make it with: sox ${file} -r ${sampleRate} -b 16 -c 1 out.wav`);
  };
  const text = (at: number): string => bytes.toString('latin1', at, at + 4);
  if (text(0) !== 'RIFF' || text(8) !== 'WAVE') fail('it is no WAV file');
  let known = false;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const [name, size, from] = [text(at), bytes.readUInt32LE(at + 4), at + 8];
    if (from + size > bytes.length) fail('it is cut off');
    if (name === 'fmt ') {
      const [format, channels, rate] = [0, 2, 4].map((field) => bytes.readUInt16LE(from + field));
      const bits = bytes.readUInt16LE(from + 14);
      if (format !== 1 || channels !== 1 || bits !== 16 || rate !== sampleRate) {
        fail(`it has format ${format}, ${channels} channels, ${rate} Hz, ${bits} bits`);
      }
      known = true;
    }
    if (name === 'data') {
      if (!known) fail('its format is not told');
      return new Int16Array(bytes.buffer.slice(bytes.byteOffset + from, bytes.byteOffset + from + size));
    }
    at = from + size + (size % 2);
  }
  return fail('it has no samples');
}
