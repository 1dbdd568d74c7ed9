// BB76x: peers on a network.

import type { Message } from './message.ts';

export const networkMessages = {
  BB760: {
    severity: 'error',
    text: ({ address }: { address: string }) => [
      `${address} is no address to listen at or to dial`,
      'write ws://HOST:PORT, wss://HOST:PORT, or a multiaddr such as /ip4/127.0.0.1/tcp/7000/ws',
    ],
  },
  BB761: {
    severity: 'error',
    text: ({ address, reason }: { address: string; reason: string }) => [
      `cannot listen at ${address}: ${reason}`,
      'choose another port (0: any that is free), or end who listens there',
    ],
  },
  BB762: {
    severity: 'error',
    text: ({ address }: { address: string }) => [
      `${address} is reached from other machines, and nothing would prove who is there`,
      'give every peer the same token with --token-file, or certificates with --tls-cert, --tls-key and --tls-ca (and wss)',
    ],
  },
  BB763: {
    severity: 'error',
    text: ({ who, why }: { who: string; why: string }) => [
      `${who} does not let us in: ${why}`,
      'run both with bundles of one compilation, and with the same token or the same certificate authority',
    ],
  },
  BB764: {
    severity: 'error',
    text: ({ peer, missing, seconds }: { peer: string; missing: readonly string[]; seconds: number }) => [
      `${peer} waited ${seconds} s, and these peers are not ready: ${missing.join(', ')}`,
      'start them, see that their addresses are right, or wait longer with --ready-timeout',
    ],
  },
  BB765: {
    severity: 'error',
    text: ({ flow, peer, cause }: { flow: string; peer: string; cause: string }) => [
      `flow ${flow} did not come out at ${peer}: ${cause}`,
      'see whether that peer still runs; `within` in the model sets how long it is waited for',
    ],
  },
  BB766: {
    severity: 'error',
    text: ({ peer, why, edges }: { peer: string; why: string; edges: readonly string[] }) => [
      `peer ${peer} is lost: ${why}; with it ${edges.length === 0 ? 'no edge' : edges.join(', ')}`,
      'start it again and then this one, or let this one wait for it with --give-up never',
    ],
  },
  BB767: {
    severity: 'error',
    text: ({ file, reason }: { file: string; reason: string }) => [
      `cannot use ${file}: ${reason}`,
      'a token is at least 16 characters in a file of its own, as from: openssl rand -hex 32',
    ],
  },
  BB768: {
    severity: 'error',
    text: ({ peer, status }: { peer: string; status: string }) => [
      `the process of peer ${peer} ended: ${status}`,
      'see what it said above',
    ],
  },
  BB780: {
    severity: 'error',
    text: ({ problem }: { problem: string }) => [
      `the states do not fit this deployment: ${problem}`,
      'resume with what the checkpoint was made of, or with peers and state variables of the same names and types',
    ],
  },
  BB781: {
    severity: 'error',
    text: ({ reason }: { reason: string }) => [
      `not a checkpoint: ${reason}`,
      'give a file that `bbc run --checkpoint` wrote',
    ],
  },
  BB782: {
    severity: 'error',
    text: ({ reason }: { reason: string }) => [
      `nothing to resume: ${reason}`,
      'begin a run without --resume',
    ],
  },
  BB783: {
    severity: 'error',
    text: ({ output, reason }: { output: string; reason: string }) => [
      `${output} cannot be exported: ${reason}`,
      'name outputs that come of plain ops on one member, with --outputs',
    ],
  },
  BB784: {
    severity: 'error',
    text: ({ key, peers }: { key: string; peers: readonly string[] }) => [
      `${key} differs between ${peers.join(', ')}`,
      'say whose it shall be, with --peer',
    ],
  },
} as const satisfies Record<string, Message>;
