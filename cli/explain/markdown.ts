// Markdown on a terminal: paragraphs as wide as one reads, files and commands set off.

import type { Paint } from '../output.ts';

const WIDTH = 80;

export const showMarkdown = (text: string, colours: Paint): string =>
  text
    .split(/^(```[\s\S]*?^```$)/m)
    .map((part) => (part.startsWith('```') ? fenced(part, colours) : paragraphs(part)))
    .filter((part) => part !== '')
    .join('\n\n');

function fenced(part: string, colours: Paint): string {
  const [, name, body] = /^```\w+ ?(\S*)\n([\s\S]*?)\n?```$/.exec(part)!;
  const lines = body!.split('\n').map((line) => {
    const shown = line.startsWith('$ ') ? colours.bold(line) : line;
    return line === '' ? '' : `    ${shown}`;
  });
  return [...(name === '' ? [] : [`  ${colours.cyan(name!)}`]), ...lines].join('\n');
}

const paragraphs = (text: string): string =>
  text
    .trim()
    .split(/\n{2,}/)
    .map((one) => wrapped(one.replaceAll('\n', ' ')))
    .join('\n\n');

function wrapped(text: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].join('\n');
}
