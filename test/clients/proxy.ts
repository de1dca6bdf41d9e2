/** A way to a server that can be cut, and blocked: bytes are then neither passed on nor refused. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface Proxy {
  readonly url: string;
  /** Breaks every connection; until {@link allow}, new ones break, too. */
  cut(): void;
  /** Passes nothing on, and closes nothing. */
  block(): void;
  allow(): void;
  close(): void;
}

export async function startProxy(port: number): Promise<Proxy> {
  const sockets = new Set<Socket>();
  let isCut = false;
  const server = createServer((near) => {
    if (isCut) {
      near.destroy();
      return;
    }
    const far = connect(port, '127.0.0.1');
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut: () => {
      isCut = true;
      for (const socket of sockets) socket.destroy();
    },
    block: () => {
      for (const socket of sockets) socket.unpipe();
    },
    allow: () => (isCut = false),
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
