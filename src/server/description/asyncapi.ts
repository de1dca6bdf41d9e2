/** The stream as an AsyncAPI 3 document, made from the schemas of its messages. */
import { packageVersion } from '../../jobs/package-root.js';
import { CLIENT_MESSAGES, SERVER_MESSAGES, STREAM_PATH, SUBPROTOCOL } from '../../protocol/index.js';
import { jsonSchema, type Json } from './schemas.js';

const FRAME = {
  name: 'frame',
  title: 'frame',
  summary: 'A picture, with a header of 32 bytes before it (docs/protocol.md, `/protocol/frame-header.js`).',
  contentType: 'application/octet-stream',
  payload: { type: 'string', format: 'binary' },
};

/** Names do not collide: both sides have an `error` at most once. */
function messages(schemas: Readonly<Record<string, Parameters<typeof jsonSchema>[0]>>, io: 'input' | 'output'): Json {
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => {
      const payload = jsonSchema(schema, io);
      const summary = typeof payload['description'] === 'string' ? payload['description'] : name;
      return [name, { name, title: name, summary, contentType: 'application/json', payload }];
    }),
  );
}

const inChannel = (names: readonly string[]): Json[] =>
  names.map((name) => ({ $ref: `#/channels/stream/messages/${name}` }));

/** The whole document. */
export function asyncApiDocument(): Json {
  const fromClient = Object.keys(CLIENT_MESSAGES);
  const fromServer = [...Object.keys(SERVER_MESSAGES), 'frame'];
  const all = [...fromClient, ...fromServer];
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'neuroreel stream',
      version: packageVersion,
      description: `A WebSocket with the subprotocol \`${SUBPROTOCOL}\`.`,
      license: { name: 'MIT' },
    },
    defaultContentType: 'application/json',
    servers: { local: { host: '127.0.0.1:8160', protocol: 'ws' } },
    channels: {
      stream: {
        address: STREAM_PATH,
        description: 'One connection watches any number of jobs.',
        messages: Object.fromEntries(all.map((name) => [name, { $ref: `#/components/messages/${name}` }])),
        bindings: {
          ws: {
            method: 'GET',
            query: {
              type: 'object',
              properties: { ticket: { type: 'string', description: 'From `POST /v1/tickets`.' } },
            },
            bindingVersion: '0.1.0',
          },
        },
      },
    },
    operations: {
      fromClient: {
        action: 'receive',
        channel: { $ref: '#/channels/stream' },
        summary: 'What clients send.',
        messages: inChannel(fromClient),
      },
      fromServer: {
        action: 'send',
        channel: { $ref: '#/channels/stream' },
        summary: 'What the server sends.',
        messages: inChannel(fromServer),
      },
    },
    components: {
      messages: { ...messages(CLIENT_MESSAGES, 'input'), ...messages(SERVER_MESSAGES, 'output'), frame: FRAME },
    },
  };
}
