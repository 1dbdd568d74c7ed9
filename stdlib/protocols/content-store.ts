// A content store: chunks of bytes under the SHA-256 (FIPS 180-4) of what they are, so that whoever fetches one from a stranger
// knows whether it is the one that was meant. A value is its bytes, raw and little-endian, in chunks of one size; zeros fill the
// last one. The names of its chunks, in order, are its manifest, which has to come from somebody who is trusted.

import type { DataValue, ProtocolDeclaration, Tensor } from '../../ir/index.ts';
import { sha256 } from '../../runtime/digest.ts';
import type { NodeCall, NodeComponent } from '../../runtime/index.ts';
import { bytes as bytesField, decode, encode, list, table } from '../../runtime/proto/codec.ts';
import { strings, stringsOf, tensorOf } from '../tensors.ts';

const names = { name: 'names', dtype: 'string', shape: ['N'] } as const;

/** What a program may ask. Names are SHA-256 in hexadecimal digits, in lower case. */
export const contentStore = {
  methods: {
    /** Keeps the chunks of a value. */
    Add: {
      kind: 'update',
      inputs: [{ name: 'value', dtype: 'T', shape: ['...S'] }],
      options: {},
      outputs: [],
    },
    /** The manifest of a value, whether it is kept or not. */
    Names: {
      kind: 'query',
      inputs: [{ name: 'value', dtype: 'T', shape: ['...S'] }],
      options: {},
      outputs: [names],
    },
    /** Keeps those chunks that are what one of the names says; others leave no trace. */
    Put: {
      kind: 'update',
      inputs: [names, { name: 'chunks', dtype: 'uint8', shape: ['K', 'C'] }],
      options: {},
      outputs: [],
    },
    /** The chunks of these names; missing, `failed`, without one of them. */
    Get: {
      kind: 'query',
      inputs: [names],
      options: {},
      outputs: [{ name: 'chunks', dtype: 'uint8', shape: ['N', 'C'] }],
    },
    /** Those of the names, each once, whose chunks are not here. */
    Lacking: {
      kind: 'query',
      inputs: [names],
      options: {},
      outputs: [{ name: 'lacking', dtype: 'string', shape: ['K'] }],
    },
    /** The value of a manifest, in dtype and shape of `like`, whose elements are not read; missing, `failed`, without all of it. */
    Assemble: {
      kind: 'query',
      inputs: [names, { name: 'like', dtype: 'T', shape: ['...S'] }],
      options: {},
      outputs: [{ name: 'value', dtype: 'T', shape: ['...S'] }],
    },
  },
} as const satisfies ProtocolDeclaration;

export interface ContentStoreOptions {
  /** Bytes of a chunk. Default: 65,536. */
  readonly chunk?: number;
  /** Chunks that are kept at most; what would be more fails, and changes nothing. Default: 16,384. */
  readonly most?: number;
}

/** What fills a slot of the protocol {@link contentStore}. */
export const contentStored = (options: ContentStoreOptions = {}): NodeComponent => new ContentStore(options);

class ContentStore implements NodeComponent {
  readonly roles = ['protocol'] as const;
  readonly declaration = contentStore;
  readonly #chunk: number;
  readonly #most: number;
  #kept = new Map<string, Uint8Array>();

  constructor({ chunk = 65_536, most = 16_384 }: ContentStoreOptions) {
    this.#chunk = chunk;
    this.#most = most;
  }

  call({ method, inputs: [first, second] }: NodeCall): readonly DataValue[] {
    switch (method) {
      case 'Add':
        return this.#keep(this.#chunksOf(numbersIn(first)));
      case 'Names':
        return [strings(this.#chunksOf(numbersIn(first)).map(nameOf))];
      case 'Put':
        return this.#keep(this.#meant(stringsOf(first, 'names'), tensorOf(second, 'chunks')));
      case 'Get':
        return [this.#get(stringsOf(first, 'names'))];
      case 'Lacking':
        return [strings([...new Set(stringsOf(first, 'names'))].filter((name) => !this.#kept.has(name)))];
      default:
        return [this.#assembled(stringsOf(first, 'names'), numbersIn(second))];
    }
  }

  #chunksOf({ bytes }: Tensor): readonly Uint8Array[] {
    return Array.from({ length: Math.ceil(bytes.length / this.#chunk) }, (_, at) => {
      const chunk = new Uint8Array(this.#chunk);
      chunk.set(bytes.subarray(at * this.#chunk, (at + 1) * this.#chunk));
      return chunk;
    });
  }

  #meant(wanted: readonly string[], { dims, bytes }: Tensor): readonly Uint8Array[] {
    const size = dims[1] ?? 0;
    if (size !== this.#chunk) return [];
    const all = Array.from({ length: dims[0] ?? 0 }, (_, at) => bytes.slice(at * size, (at + 1) * size));
    const known = new Set(wanted);
    return all.filter((one) => known.has(nameOf(one)));
  }

  #keep(chunks: readonly Uint8Array[]): readonly DataValue[] {
    const added = new Map(chunks.map((one) => [nameOf(one), one]));
    const count = [...added.keys()].filter((name) => !this.#kept.has(name)).length;
    if (this.#kept.size + count > this.#most)
      throw new Error(
        `${this.#kept.size} chunks are kept: there is room for ${this.#most}, not for ${count} more`,
      );
    for (const [name, one] of added) this.#kept.set(name, one);
    return [];
  }

  #get(wanted: readonly string[]): Tensor {
    const bytes = new Uint8Array(wanted.length * this.#chunk);
    for (const [at, name] of wanted.entries()) {
      const chunk = this.#kept.get(name);
      if (chunk === undefined) throw new Error(`there is no chunk ${name}`);
      bytes.set(chunk, at * this.#chunk);
    }
    return { dtype: 'uint8', dims: [wanted.length, this.#chunk], bytes };
  }

  #assembled(manifest: readonly string[], { dtype, dims, bytes: { length } }: Tensor): Tensor {
    if (manifest.length !== Math.ceil(length / this.#chunk))
      throw new Error(`${length} bytes are not ${manifest.length} chunks of ${this.#chunk}`);
    return { dtype, dims, bytes: this.#get(manifest).bytes.slice(0, length) };
  }

  save(): Uint8Array {
    return encode(saved, { chunks: [...this.#kept.values()] });
  }

  restore(bytes: Uint8Array): void {
    this.#kept = new Map(decode(saved, bytes).chunks.map((one) => [nameOf(one), one.slice()]));
  }
}

const saved = table({ chunks: list(bytesField(1)) });
const nameOf = (chunk: Uint8Array): string =>
  Array.from(sha256(chunk), (byte) => byte.toString(16).padStart(2, '0')).join('');

/** Strings have no bytes of their own. */
function numbersIn(value: DataValue | undefined): Tensor {
  const tensor = tensorOf(value, 'value');
  if (tensor.dtype === 'string') throw new Error('value is string, not numbers');
  return tensor;
}
