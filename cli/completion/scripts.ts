// Completion scripts: commands, their options, and files everywhere else.

import type { Described } from './describe.ts';

const names = (commands: readonly Described[]): string => commands.map(({ name }) => name).join(' ');
const flags = ({ options }: Described): string => options.map(({ flag }) => flag).join(' ');
/** Within single quotes of a shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

export const bash = (
  commands: readonly Described[],
): string => `# bbc completion for bash: eval "$(bbc completion bash)"
_bbc() {
  local word=\${COMP_WORDS[COMP_CWORD]} options=
  COMPREPLY=()
  if [[ $COMP_CWORD -eq 1 ]]; then
    COMPREPLY=($(compgen -W '${names(commands)} --help --version' -- "$word"))
    return
  fi
  case \${COMP_WORDS[1]} in
${commands.map((one) => `    ${one.name}) options='${flags(one)}' ;;`).join('\n')}
  esac
  if [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$word"))
  elif [[ \${COMP_WORDS[1]} == completion ]]; then
    COMPREPLY=($(compgen -W 'bash zsh fish' -- "$word"))
  else
    local IFS=$'\\n'
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}
complete -o filenames -F _bbc bbc
`;

export const zsh = (commands: readonly Described[]): string => `#compdef bbc
# bbc completion for zsh: eval "$(bbc completion zsh)"
_bbc() {
  if (( CURRENT == 2 )); then
    local -a commands=(${commands.map(({ name, summary }) => quoted(`${name}:${summary}`)).join(' ')})
    _describe command commands
    return
  fi
  local -a options=()
  case $words[2] in
${commands.map((one) => `    ${one.name}) options=(${flags(one)}) ;;`).join('\n')}
  esac
  if [[ $words[CURRENT] == -* ]]; then
    compadd -- $options
  elif [[ $words[2] == completion ]]; then
    compadd bash zsh fish
  else
    _files
  fi
}
compdef _bbc bbc
`;

export const fish = (commands: readonly Described[]): string =>
  `# bbc completion for fish: bbc completion fish | source
${commands
  .map(
    ({ name, summary }) => `complete -c bbc -n __fish_use_subcommand -f -a ${name} -d ${quoted(summary)}\n`,
  )
  .join('')}${commands
  .flatMap(({ name, options }) =>
    options.map(({ flag, takesValue, about }) => {
      const kind = flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`;
      const value = takesValue ? ' -r' : '';
      return `complete -c bbc -n '__fish_seen_subcommand_from ${name}' ${kind}${value} -d ${quoted(about)}\n`;
    }),
  )
  .join('')}complete -c bbc -n '__fish_seen_subcommand_from completion' -f -a 'bash zsh fish'
`;
