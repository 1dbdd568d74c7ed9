// Pages that show commands: runs what a Markdown page shows, in a folder, and gives the page with what the
// commands print now. Fenced blocks with a name are files: ```json topology.json. Blocks `console` are sessions:
// lines `$ …` are run, the lines below them are what they print, output and errors together.
//
// A comment above a block says what the block cannot:
//   <!-- not run: why -->     the block is left as it is, and counted
//   <!-- varies: ms -->       parts that differ from run to run; shown as `…`

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fromJson, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, TensorProtoSchema } from '../../ir/generated/onnx-ml_pb.ts';
import type { Execute } from './built-bbc.ts';
import { onnxOf } from './onnx-text.ts';

export interface Block {
  readonly language: string;
  /** Of the file that it is; '' for sessions and for code that is only shown. */
  readonly name: string;
  readonly body: string;
  /** Of the comment directly above it; ''. */
  readonly comment: string;
  /** Offset of the body in the page. */
  readonly at: number;
}

const fence = /(?:<!-- ([^\n]*?) -->\n+)?^```(\w+)(?: (\S+))?\n([\s\S]*?)^```$/gm;

export const blocksOf = (page: string): Block[] =>
  [...page.matchAll(fence)].map((match) => ({
    comment: match[1] ?? '',
    language: match[2]!,
    name: match[3] ?? '',
    body: match[4]!,
    at: match.index + match[0].length - '```'.length - match[4]!.length,
  }));

export interface PageRun {
  /** The page, with what its commands print now. */
  readonly page: string;
  readonly commands: number;
  /** Reasons of the blocks that were not run. */
  readonly notRun: readonly string[];
}

/** Runs a page from top to bottom. Files that its blocks show are written first, each when it is reached. */
export async function runPage(page: string, folder: string, execute: Execute): Promise<PageRun> {
  let [at, commands] = [0, 0];
  let made = '';
  let cwd = folder;
  const notRun: string[] = [];
  for (const block of blocksOf(page)) {
    if (block.comment.startsWith('not run')) notRun.push(block.comment);
    else if (block.name !== '') writeFile(path.join(cwd, block.name), block);
    else if (block.language === 'console') {
      let text = '';
      for (const { line } of commandsOf(block.body)) {
        commands++;
        const into = /^cd (\S+)$/.exec(line);
        if (into) cwd = path.join(cwd, into[1]!);
        const printed = into ? '' : await execute(line, cwd);
        text += `$ ${line}\n${trimmed(printed)}`;
      }
      made += page.slice(at, block.at) + settled(block, text);
      at = block.at + block.body.length;
    }
  }
  return { page: made + page.slice(at), commands, notRun };
}

/** `$ line` and what is below it. A line that ends in `\` goes on. */
export const commandsOf = (body: string): { line: string; output: string }[] =>
  body
    .split(/^\$ /m)
    .slice(1)
    .map((text) => {
      const [, line, output] = /^((?:[^\n]*\\\n)*[^\n]*)\n([\s\S]*)$/.exec(text)!;
      return { line: line!, output: output! };
    });

const trimmed = (text: string): string => {
  const lines = text.split('\n').map((line) => line.trimEnd());
  const end = lines.findLastIndex((line) => line !== '') + 1;
  return lines
    .slice(0, end)
    .map((line) => `${line}\n`)
    .join('');
};

const varying: Readonly<Record<string, readonly [RegExp, string]>> = {
  ms: [/\d+(?:\.\d+)? (?:ns|µs|ms|s)\b/g, '… ms'],
  memory: [/\d+(?:\.\d+)? (?:KiB|MiB|GiB)\b/g, '… MiB'],
  hash: [/\b[0-9a-f]{12,}\b/g, '…'],
  decimals: [/\d+\.\d+(?:e[+-]?\d+)?/g, '…'],
  port: [/\b(127\.0\.0\.1|localhost):\d+/g, '$1:…'],
};

/** What varies replaced by `…`; the old text if it differs from the new one in nothing else. */
function settled({ comment, body }: Block, text: string): string {
  const kinds = /^varies: (.*)$/.exec(comment)?.[1]?.split(', ') ?? [];
  if (kinds.length === 0) return text;
  const masked = kinds.reduce((masked, kind) => {
    const rule = varying[kind];
    if (rule === undefined) throw new Error(`a page says that ${kind} varies: unknown`);
    // What is typed is as it is.
    return masked
      .split('\n')
      .map((line) => (line.startsWith('$ ') ? line : line.replaceAll(rule[0], rule[1])))
      .join('\n');
  }, text);
  // Columns are as wide as the numbers were.
  const loose = (one: string): string => one.replace(/ +/g, ' ');
  return loose(masked) === loose(body) ? body : masked;
}

export function writeFile(file: string, { language, body }: Block): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, contentOf(file, language, body));
}

/** Binary formats are shown as text: models in ONNX's syntax or in protobuf's JSON, tensors in the latter. */
function contentOf(file: string, language: string, body: string): string | Uint8Array {
  if (language === 'hex') return Uint8Array.from(Buffer.from(body.replace(/\s/g, ''), 'hex'));
  if (language === 'onnx') return onnxOf(body);
  if (file.endsWith('.onnx')) return toBinary(ModelProtoSchema, fromJson(ModelProtoSchema, JSON.parse(body)));
  if (file.endsWith('.pb')) return toBinary(TensorProtoSchema, fromJson(TensorProtoSchema, JSON.parse(body)));
  return body;
}
