/** Opening a WebSocket: the one of the browser or of Node 22, else that of the package ws. */
import { SUBPROTOCOL } from '../../../src/protocol/wire.js';
import { clientError } from '../errors.js';

/** As much of the standard's WebSocket as is used here. */
export interface Socket {
  binaryType: string;
  readonly protocol: string;
  readonly readyState: number;
  send(data: string): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: 'open' | 'error', listener: () => void): void;
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void;
  addEventListener(type: 'close', listener: (event: { code: number; reason: string }) => void): void;
}

export type SocketConstructor = new (url: string, protocols: string[]) => Socket;

export const OPEN = 1;

export async function socketConstructor(): Promise<SocketConstructor> {
  const { WebSocket: own } = globalThis as { WebSocket?: unknown };
  if (typeof own === 'function') return own as SocketConstructor;
  // A name that bundlers for browsers do not follow.
  const name = 'ws';
  const { WebSocket } = (await import(/* @vite-ignore */ name)) as { WebSocket: SocketConstructor };
  return WebSocket;
}

export interface SocketHandlers {
  /** An attempt to open that takes longer is given up. */
  readonly attemptMs: number;
  /** Called before the first message. */
  opened(socket: Socket): void;
  text(message: string): void;
  binary(message: Uint8Array): void;
  /** Called once, after the socket was open. */
  closed(code: number, reason: string): void;
}

/**
 * Resolves when the socket is open.
 * @throws {ClientError} SERVER_UNREACHABLE, PROTOCOL_MISMATCH
 */
export function openSocket(Constructor: SocketConstructor, url: URL, handlers: SocketHandlers): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = new Constructor(url.href, [SUBPROTOCOL]);
    socket.binaryType = 'arraybuffer';
    let isOpen = false;
    const timer = setTimeout(() => {
      socket.close();
      reject(clientError('SERVER_UNREACHABLE', `The stream at ${url.origin} does not open.`));
    }, handlers.attemptMs);
    socket.addEventListener('open', () => {
      clearTimeout(timer);
      if (socket.protocol !== SUBPROTOCOL) {
        socket.close();
        const spoken = socket.protocol || 'no subprotocol';
        reject(clientError('PROTOCOL_MISMATCH', `The stream at ${url.origin} speaks ${spoken}, not ${SUBPROTOCOL}.`));
        return;
      }
      isOpen = true;
      handlers.opened(socket);
      resolve();
    });
    socket.addEventListener('message', ({ data }) => {
      if (typeof data === 'string') handlers.text(data);
      else handlers.binary(new Uint8Array(data as ArrayBuffer));
    });
    // A close follows, which says more.
    socket.addEventListener('error', () => undefined);
    socket.addEventListener('close', ({ code, reason }) => {
      clearTimeout(timer);
      if (isOpen) handlers.closed(code, reason);
      else reject(clientError('SERVER_UNREACHABLE', `The stream at ${url.origin} does not open (${code}).`));
    });
  });
}
