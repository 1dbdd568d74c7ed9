// Browser tests need a Chromium. Looks for one and prints its path; on Debian and Ubuntu installs it if that is
// possible without asking; otherwise says what to install and fails. BBC_CHROMIUM names another one.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const asked = process.env.BBC_CHROMIUM ?? '';
const names = ['chromium', 'google-chrome', 'google-chrome-stable', 'chromium-browser'];

/** Path of the Chromium that tests use, or undefined. */
function findChromium() {
  if (asked !== '') return isExecutable(asked) ? asked : undefined;
  for (const folder of (process.env.PATH ?? '').split(path.delimiter)) {
    for (const name of names) {
      const file = path.join(folder, name);
      if (folder !== '' && isExecutable(file)) return file;
    }
  }
  return undefined;
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The words before `apt-get`: none for root, sudo if it asks no password; undefined if it cannot be run. */
function administrator() {
  if (process.getuid?.() === 0) return [];
  return spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0 ? ['sudo', '-n'] : undefined;
}

const isDebian = () =>
  existsSync('/etc/os-release') &&
  /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(readFileSync('/etc/os-release', 'utf8'));

function install() {
  const before = administrator();
  if (!isDebian() || before === undefined) return;
  for (const args of [['update'], ['install', '-y', '--no-install-recommends', 'chromium']]) {
    const [command, ...rest] = [...before, 'apt-get', ...args];
    process.stderr.write(`${[command, ...rest].join(' ')}\n`);
    const { status } = spawnSync(command, rest, {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
    if (status !== 0) return;
  }
}

if (findChromium() === undefined && asked === '') install();
const found = findChromium();
if (found === undefined) {
  process.stderr.write(
    asked === ''
      ? 'The browser tests need Chromium: install chromium (Debian: apt-get install chromium) or Google Chrome, or\nset BBC_CHROMIUM to the path of one.\n'
      : `BBC_CHROMIUM names ${asked}, which is no program that can be run\n`,
  );
  process.exit(1);
}
process.stdout.write(`${found}\n`);
