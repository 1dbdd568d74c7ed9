// The markup of a graph page. All that comes from a model is in its data, and becomes text in the browser.

import { escaped } from '../html.ts';

interface Parts {
  readonly title: string;
  readonly style: string;
  readonly script: string;
  readonly worker: string;
  readonly data: string;
  readonly hash: (text: string) => string;
}

const keys: readonly (readonly [string, string])[] = [
  ['/', 'search ops, values, edges'],
  ['↑ ↓ ← →', 'follow values from the selected op; without one, move'],
  ['Enter', 'open or close the selected group'],
  ['+ − 0', 'zoom in, out, show all'],
  ['P', 'recorded or partitioned'],
  ['E C', 'expand all, collapse all'],
  ['Space', 'play or pause the flow'],
  ['T', 'light or dark'],
  ['Esc', 'select nothing'],
];

export function pageMarkup({ title, style, script, worker, data, hash }: Parts): string {
  const policy = [
    "default-src 'none'",
    `script-src ${hash(script)}`,
    'worker-src blob:',
    `style-src ${hash(style)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const help = keys.map(([key, does]) => `<dt><kbd>${key}</kbd></dt><dd>${does}</dd>`).join('');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>${style}</style>
</head>
<body>
<header class="head">
  <div class="what"><h1 id="title"></h1><div id="facts"></div></div>
  <div class="segments" id="views" role="group" aria-label="graph shown">
    <button type="button" id="view-recorded" title="the whole computation (P)">Recorded</button>
    <button type="button" id="view-partitioned" title="as cut over the peers (P)">Partitioned</button>
  </div>
  <button type="button" id="expand" class="optional" title="E">Expand all</button>
  <button type="button" id="collapse" class="optional" title="C">Collapse all</button>
  <div class="find">
    <input id="search" type="text" role="combobox" aria-expanded="false" aria-controls="found" aria-autocomplete="list" autocomplete="off" spellcheck="false" placeholder="Search ops and values  ( / )" aria-label="search ops and values">
    <ul id="found" role="listbox" hidden></ul>
  </div>
  <button type="button" id="theme" title="light or dark (T)" aria-label="light or dark">◐</button>
  <button type="button" id="help-open" title="keys (?)" aria-label="keys">?</button>
</header>
<main id="canvas" tabindex="0" role="application" aria-label="graph" aria-busy="true"></main>
<aside id="panel" hidden aria-label="details"></aside>
<footer id="strip" aria-label="one flow" hidden>
  <div class="strip-head">
    <button type="button" id="strip-play" aria-label="play" title="Space">▶</button>
    <input type="range" id="strip-time" min="0" max="1" step="any" value="0" aria-label="time in the flow">
    <div id="strip-caption" aria-live="polite"></div>
    <button type="button" id="strip-end" hidden>Done</button>
  </div>
  <div id="strip-picture"></div>
</footer>
<div id="said" class="said" aria-live="polite"></div>
<dialog id="help"><h2>Keys</h2><dl>${help}</dl><p>The wheel moves, with Ctrl it zooms. Double-click opens a group.</p><button type="button" id="help-close" class="wide">Close</button></dialog>
<script type="application/json" id="data">${data}</script>
<script type="text/plain" id="worker">${worker}</script>
<script>${script}</script>
</body>
</html>
`;
}
