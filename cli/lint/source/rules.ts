// The rules over the author's source.

import { clockWhileRecording } from './clock-while-recording.ts';
import { environmentWhileRecording } from './environment-while-recording.ts';
import { fileReadWhileRecording } from './file-read-while-recording.ts';
import { randomWhileRecording } from './random-while-recording.ts';
import type { SourceRule } from './rule.ts';

export const sourceRules: readonly SourceRule[] = [
  // The same source gives the same bytes.
  randomWhileRecording,
  clockWhileRecording,
  environmentWhileRecording,
  fileReadWhileRecording,
];
