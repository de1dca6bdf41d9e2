/** What answers at an address without being a server of this protocol. */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';

export interface Impostor {
  readonly url: string;
  close(): Promise<void>;
}

async function listening(listener: RequestListener): Promise<{ http: Server; url: string }> {
  const http = createServer(listener);
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return { http, url: `http://127.0.0.1:${(http.address() as AddressInfo).port}` };
}

function closed(http: Server): Promise<void> {
  http.closeAllConnections();
  return new Promise((resolve) => http.close(() => resolve()));
}

/** Answers everything alike. */
export async function answering(status: number, body: string, headers: Record<string, string> = {}): Promise<Impostor> {
  const { http, url } = await listening((_, response) => response.writeHead(status, headers).end(body));
  return { url, close: () => closed(http) };
}

/** Has tickets as a server of this version has, and a stream that begins with `hello`. */
export async function streaming(hello: unknown): Promise<Impostor> {
  const { http, url } = await listening((_, response) =>
    response.writeHead(201, { 'Neuroreel-Protocol': 'neuroreel.v1' }).end('{"ticket":"t"}'),
  );
  const sockets = new WebSocketServer({ server: http, handleProtocols: () => 'neuroreel.v1' });
  sockets.on('connection', (socket) => socket.send(JSON.stringify(hello)));
  const close = (): Promise<void> => {
    sockets.clients.forEach((socket) => socket.terminate());
    return closed(http);
  };
  return { url, close };
}
