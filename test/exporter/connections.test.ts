import { EventEmitter } from 'node:events';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Connections } from '../../exporter/http/connections.ts';

class FakePeer extends EventEmitter {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number;
  isOpen = true;
  constructor(address: string | undefined, port: number) {
    super();
    this.remoteAddress = address;
    this.remotePort = port;
  }
  destroy(): this {
    this.isOpen = false;
    this.emit('close');
    return this;
  }
}

/** Opens connections of these clients, one after another. */
function opened(connections: Connections, addresses: readonly (string | undefined)[]): FakePeer[] {
  return addresses.map((address, port) => {
    const peer = new FakePeer(address, port);
    connections.add(peer);
    return peer;
  });
}

const openOf = (peers: readonly FakePeer[]): number[] =>
  peers.filter(({ isOpen }) => isOpen).map(({ remotePort }) => remotePort);

test('above the limit, the client with most connections loses its oldest, and another none', () => {
  const peers = opened(new Connections(4), ['10.0.0.1', '10.0.0.2', '10.0.0.2', '10.0.0.2', '10.0.0.2']);
  expect(openOf(peers)).toEqual([0, 2, 3, 4]);
});

test('a connection that waits for an answer is displaced after those that wait for none', () => {
  const connections = new Connections(3);
  const response = new EventEmitter();
  const [busy, idle] = opened(connections, ['10.0.0.1', '10.0.0.1']) as [FakePeer, FakePeer];
  connections.use(busy, response);
  const more = opened(connections, ['10.0.0.2', '10.0.0.2']);
  expect([busy.isOpen, idle.isOpen, ...more.map(({ isOpen }) => isOpen)]).toEqual([true, false, true, true]);
  response.emit('close');
  connections.add(new FakePeer('10.0.0.1', 7));
  expect(busy.isOpen).toBe(false);
});

test('an IPv6 network is one client, though its addresses use the same ports', () => {
  const connections = new Connections(3);
  const other = new FakePeer('2001:db8:2::1', 5);
  connections.add(other);
  const peers = ['1', '2', '3', '4'].map((last) => new FakePeer(`2001:db8:1::${last}`, 9));
  for (const peer of peers) connections.add(peer);
  expect(other.isOpen).toBe(true);
  expect(peers.map(({ isOpen }) => isOpen)).toEqual([false, false, true, true]);
});

test('connections over a Unix socket are not counted', () => {
  const peers = opened(new Connections(1), [undefined, undefined, '10.0.0.1']);
  expect(openOf(peers)).toHaveLength(3);
});

test('whatever is opened and closed, as many stay as may, and a client that has few keeps all', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(5), fc.boolean())), (steps) => {
      const max = 12;
      const connections = new Connections(max);
      const peers: FakePeer[] = [];
      let closed = 0;
      for (const [port, [client, closes]] of steps.entries()) {
        const open = peers.filter(({ isOpen }) => isOpen);
        if (closes && open.length > 0) {
          open[port % open.length]?.destroy();
          closed++;
        } else {
          const peer = new FakePeer(`10.0.0.${client}`, port);
          peers.push(peer);
          connections.add(peer);
        }
        const left = peers.filter(({ isOpen }) => isOpen);
        expect(left).toHaveLength(Math.min(max, open.length + (closes && open.length > 0 ? -1 : 1)));
      }
      const displaced = peers.filter(({ isOpen }) => !isOpen).length - closed;
      if (peers.length <= max) expect(displaced).toBe(0);
    }),
  );
});
