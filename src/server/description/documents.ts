/** The routes of the documents that describe the interface. They hold nothing of the jobs and need no token. */
import type { Express, Response } from 'express';
import { route } from '../answers.js';
import { asyncApiDocument } from './asyncapi.js';
import { docsPage } from './docs-page.js';
import { openApiDocument } from './openapi.js';
import { requestSchemas } from './schemas.js';

/** Made when first asked for. */
function once(make: () => string): () => string {
  let made: string | null = null;
  return () => (made ??= make());
}

export function documents(app: Express): void {
  const send = (type: string, text: () => string) => (_: unknown, response: Response) =>
    void response.set({ 'Content-Type': `${type}; charset=utf-8`, 'Cache-Control': 'no-cache' }).send(text());
  const openApi = once(() => JSON.stringify(openApiDocument()));
  const asyncApi = once(() => JSON.stringify(asyncApiDocument()));
  route(app, '/openapi.json', { get: send('application/json', openApi) });
  route(app, '/asyncapi.json', { get: send('application/json', asyncApi) });
  route(app, '/schemas.json', {
    get: send(
      'application/json',
      once(() => JSON.stringify(requestSchemas())),
    ),
  });
  route(app, '/docs', { get: send('text/html', once(docsPage)) });
}
