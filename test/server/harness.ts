/** A real server on a free port with fixture jobs, and a real WebSocket client that remembers what it was sent. */
import { connect, type Socket } from 'node:net';
import { WebSocket } from 'ws';
import { createServer, type NeuroreelServer, type ServerConfigInput } from '../../src/server/index.js';
import {
  decodeFrame,
  SUBPROTOCOL,
  type ClientMessageInput,
  type FrameHeader,
  type ServerMessage,
} from '../../src/protocol/index.js';
import { fixtureKinds, fixtureModels, temporaryFolder, type FixtureSettings } from '../jobs/fixtures/fixtures.js';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: any;
}

export interface TestServer {
  readonly server: NeuroreelServer;
  /** Address without the last slash. */
  readonly url: string;
  readonly port: number;
  readonly dataFolder: string;
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  stream(options?: StreamOptions): Promise<StreamClient>;
  /** Closes the server; its folder goes with `stop`. */
  stop(): Promise<void>;
}

export interface StreamOptions {
  readonly path?: string;
  readonly protocols?: string[];
  readonly headers?: Record<string, string>;
}

type Sent = ServerMessage | { type: 'frame'; header: FrameHeader; picture: Uint8Array };
type SentOf<T extends Sent['type']> = Extract<Sent, { type: T }>;

export class StreamClient {
  readonly socket: WebSocket;
  /** Everything received, in order. */
  readonly received: Sent[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  #read = 0;
  #wake: () => void = () => undefined;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data: Buffer, isBinary) => {
      this.received.push(isBinary ? frameOf(data) : (JSON.parse(data.toString()) as ServerMessage));
      this.#wake();
    });
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
  }

  send(message: ClientMessageInput): void {
    this.socket.send(JSON.stringify(message));
  }

  /** The next message of a type (and, if given, that fits), after the one that this last gave. */
  async next<T extends Sent['type']>(type: T, fits: (message: SentOf<T>) => boolean = () => true): Promise<SentOf<T>> {
    for (;;) {
      while (this.#read < this.received.length) {
        const message = this.received[this.#read++]!;
        if (message.type === type && fits(message as SentOf<T>)) return message as SentOf<T>;
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  all<T extends Sent['type']>(type: T): SentOf<T>[] {
    return this.received.filter((message): message is SentOf<T> => message.type === type);
  }
}

function frameOf(data: Buffer): SentOf<'frame'> {
  return { type: 'frame', ...decodeFrame(data) };
}

/** An upgrade that was refused: the status and body of the answer. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly body: any,
  ) {
    super(`refused with ${status}`);
  }
}

export function openStream(url: string, options: StreamOptions = {}): Promise<StreamClient> {
  const { path = '/v1/stream', protocols = [SUBPROTOCOL], headers = {} } = options;
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url.replace('http', 'ws') + path, protocols, { headers });
    // Made before the connection opens, so that the first message finds its listener.
    const client = new StreamClient(socket);
    socket.on('open', () => resolve(client));
    socket.on('error', reject);
    socket.on('unexpected-response', (_, response) => {
      let text = '';
      response.on('data', (part: Buffer) => (text += part.toString()));
      response.on('end', () => reject(new Refused(response.statusCode ?? 0, JSON.parse(text))));
    });
  });
}

async function call(
  url: string,
  method: string,
  path: string,
  body: unknown,
  headers: Record<string, string>,
): Promise<Answer> {
  const response = await fetch(url + path, {
    method,
    headers: {
      // A connection that is kept is dropped by a server that was held up for longer than it keeps connections.
      connection: 'close',
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false;
  return { status: response.status, headers: response.headers, body: isJson && text !== '' ? JSON.parse(text) : text };
}

export interface TestServerOptions extends FixtureSettings {
  readonly config?: ServerConfigInput;
  /** A folder of an earlier server; a new one when absent. */
  readonly dataFolder?: string;
  /** Jobs of the kinds that ship, with the models of this folder besides those that ship, instead of fixtures. */
  readonly realModels?: string;
}

export async function startServer(options: TestServerOptions = {}): Promise<TestServer> {
  const { config, dataFolder, realModels, ...fixture } = options;
  const folder =
    dataFolder === undefined ? await temporaryFolder() : { path: dataFolder, remove: async () => undefined };
  const server = await createServer(
    {
      ...{ port: 0, dataFolder: folder.path, logLevel: 'silent', cancelGraceSeconds: 5 },
      ...(realModels !== undefined && { modelFolders: [realModels] }),
      ...config,
    },
    realModels === undefined ? { models: fixtureModels, kinds: fixtureKinds(fixture) } : {},
  );
  const url = (await server.listen()).slice(0, -1);
  return {
    server,
    url,
    port: Number(new URL(url).port),
    dataFolder: folder.path,
    call: (method, path, body, headers = {}) => call(url, method, path, body, headers),
    stream: (streamOptions = {}) => openStream(url, streamOptions),
    stop: async () => {
      await server.close();
      await folder.remove();
    },
  };
}

/** Sends bytes as they are and gives the whole answer: for what fetch would mend or refuse to send. */
export function rawRequest(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect(port, '127.0.0.1', () => socket.write(text));
    let answer = '';
    socket.on('data', (part) => (answer += part.toString('latin1')));
    socket.on('end', () => resolve(answer));
    socket.on('error', reject);
  });
}
