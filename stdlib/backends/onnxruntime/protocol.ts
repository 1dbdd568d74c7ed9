// What the pool and its worker threads say to each other: one request, one reply, matched by id.

import type { DType, Tensor } from '../../../ir/index.ts';

export type Optimization = 'disabled' | 'basic' | 'all';

/** Where a model's external data is. */
export type WeightsLocation =
  /** ONNX Runtime maps the files of this folder itself: the weights never enter JavaScript's memory. */
  | { readonly kind: 'folder'; readonly folder: string }
  | { readonly kind: 'bytes'; readonly location: string; readonly bytes: Uint8Array };

export interface LoadRequest {
  readonly kind: 'load';
  readonly session: number;
  /** Bytes of a ModelProto, or the path of an `.onnx` file. */
  readonly model: Uint8Array | string;
  readonly weights: WeightsLocation | undefined;
  readonly optimization: Optimization;
  /** Names of optimizers of ONNX Runtime that must not run. */
  readonly without: readonly string[];
}
export interface RunRequest {
  readonly kind: 'run';
  readonly session: number;
  readonly inputNames: readonly string[];
  readonly inputs: readonly Tensor[];
  /** undefined: every output, in the session's order. */
  readonly outputNames: readonly string[] | undefined;
  /** Buffers to hand back with the reply. */
  readonly giveBack: readonly ArrayBuffer[];
}
export interface ReleaseRequest {
  readonly kind: 'release';
  readonly session: number;
}
export type Request = LoadRequest | RunRequest | ReleaseRequest;

export interface SessionPort {
  readonly name: string;
  /** null: not a tensor, or of a type that cannot cross to JavaScript. */
  readonly dtype: DType | null;
  readonly shape: readonly (number | string)[];
}
export interface SessionPorts {
  readonly inputs: readonly SessionPort[];
  readonly outputs: readonly SessionPort[];
}

export type Answer =
  | { readonly kind: 'loaded'; readonly ports: SessionPorts }
  | { readonly kind: 'ran'; readonly outputs: readonly Tensor[]; readonly givenBack: readonly ArrayBuffer[] }
  | { readonly kind: 'released' }
  /** `missing`: onnxruntime-node itself could not be imported. */
  | {
      readonly kind: 'failed';
      readonly message: string;
      readonly missing: boolean;
      readonly givenBack: readonly ArrayBuffer[];
    };

export interface Envelope<T> {
  readonly id: number;
  readonly body: T;
}
