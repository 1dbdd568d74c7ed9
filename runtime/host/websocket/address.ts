// Where a peer listens: `ws://127.0.0.1:7000`, or as a multiaddr `/ip4/127.0.0.1/tcp/7000/ws`.

export interface Address {
  readonly host: string;
  /** 0, to listen: any that is free. */
  readonly port: number;
  /** wss */
  readonly secure: boolean;
}

/** The address in a text; undefined if there is none. */
export function parseAddress(text: string): Address | undefined {
  return text.startsWith('/') ? parseMultiaddr(text) : parseUrl(text);
}

/** As a URL. */
export const formatAddress = ({ host, port, secure }: Address): string =>
  `${secure ? 'wss' : 'ws'}://${host.includes(':') ? `[${host}]` : host}:${port}`;

/** Whether only this machine reaches it. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^(::ffff:)?127(\.\d{1,3}){3}$/.test(host);

function parseUrl(text: string): Address | undefined {
  const [, scheme, ip6, name, digits] =
    /^(wss?):\/\/(?:\[([\da-fA-F:.]+)\]|([^\s/:?#@[\]]+)):(\d+)\/?$/.exec(text) ?? [];
  return address(ip6 ?? name, digits, scheme === 'wss');
}

function parseMultiaddr(text: string): Address | undefined {
  const [, host, digits, kind] =
    /^\/(?:ip4|ip6|dns|dns4|dns6)\/([^\s/?#@[\]]+)\/tcp\/(\d+)\/(ws|wss|tls\/ws)$/.exec(text) ?? [];
  return address(host, digits, kind !== 'ws');
}

function address(host: string | undefined, digits: string | undefined, secure: boolean): Address | undefined {
  const port = Number(digits);
  return host === undefined || !Number.isInteger(port) || port > 65535 ? undefined : { host, port, secure };
}
