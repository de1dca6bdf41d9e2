/** The two documents of the interface as one page for people: plain HTML without scripts. */
import { packageVersion } from '../../jobs/package-root.js';
import { CLIENT_MESSAGES, ERRORS, SERVER_MESSAGES } from '../../protocol/index.js';
import { OPERATIONS, type Operation } from './operations.js';
import { fieldsOf, jsonSchema, type Json } from './schemas.js';

function escape(text: string): string {
  const html = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
  return html.replaceAll(/`([^`]+)`/g, '<code>$1</code>');
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** A schema of JSON behind a line that opens. */
function schemaBlock(title: string, schema: Json): string {
  return `<details><summary>${escape(title)}</summary><pre>${escape(JSON.stringify(schema, null, 2))}</pre></details>`;
}

function answersOf({ answers }: Operation): string {
  return Object.entries(answers)
    .map(([status, what]) => {
      if (what === null) return `<p><code>${status}</code></p>`;
      if (typeof what === 'string') return `<p><code>${status}</code> ${escape(what)}</p>`;
      return schemaBlock(`Answer ${status}`, jsonSchema(what, 'output'));
    })
    .join('');
}

function operationBlock([key, operation]: [string, Operation]): string {
  const [method = '', path = ''] = key.split(' ');
  const { summary, scope, query, body } = operation;
  const fields = query === undefined ? [] : fieldsOf(query);
  const parameters = fields.map(
    ({ name, required, schema }) =>
      `<li><code>?${escape(name)}</code>${required ? '' : ' (may be absent)'} ${escape(textOf(schema['description']))}</li>`,
  );
  return (
    `<article><h3><b>${method}</b> <code>${escape(path.replace(/[:*](\w+)/g, '{$1}'))}</code></h3>` +
    `<p>${escape(summary)}${scope === null ? '' : ` <small>scope ${scope}</small>`}</p>` +
    (parameters.length === 0 ? '' : `<ul>${parameters.join('')}</ul>`) +
    (body === undefined
      ? ''
      : body === 'binary'
        ? '<p>Body: the bytes of the file.</p>'
        : schemaBlock('Body', jsonSchema(body, 'input'))) +
    `${answersOf(operation)}</article>`
  );
}

function messageBlocks(
  schemas: Readonly<Record<string, Parameters<typeof jsonSchema>[0]>>,
  io: 'input' | 'output',
): string {
  return Object.entries(schemas)
    .map(([name, schema]) => {
      const { description, ...rest } = jsonSchema(schema, io);
      return `<article><h3><code>${name}</code></h3><p>${escape(textOf(description))}</p>${schemaBlock('Schema', rest)}</article>`;
    })
    .join('');
}

/** The page. */
export function docsPage(): string {
  const errors = Object.entries(ERRORS).map(
    ([code, { status, meaning, remedy }]) =>
      `<tr><td><code>${code}</code></td><td>${status}</td><td>${escape(meaning)}</td><td>${escape(remedy)}</td></tr>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>neuroreel: the interface</title>
<link rel="stylesheet" href="docs.css">
</head>
<body>
<main>
<h1>The interface of neuroreel ${packageVersion}</h1>
<p>For programs: <a href="openapi.json">OpenAPI 3.1</a>, <a href="asyncapi.json">AsyncAPI 3</a>. <a href="./">The live page</a>.</p>
<nav><a href="#http">HTTP</a> <a href="#client">Messages of clients</a> <a href="#server">Messages of the server</a> <a href="#errors">Errors</a></nav>
<h2 id="http">HTTP</h2>
${Object.entries(OPERATIONS).map(operationBlock).join('\n')}
<h2 id="client">Stream: messages of clients</h2>
${messageBlocks(CLIENT_MESSAGES, 'input')}
<h2 id="server">Stream: messages of the server</h2>
${messageBlocks(SERVER_MESSAGES, 'output')}
<p>Binary messages are pictures with a header of 32 bytes: <a href="protocol/frame-header.js">frame-header.js</a> reads them.</p>
<h2 id="errors">Errors</h2>
<div class="wide"><table><thead><tr><th>Code</th><th>Status</th><th>Meaning</th><th>What to do</th></tr></thead><tbody>${errors.join('\n')}</tbody></table></div>
</main>
</body>
</html>
`;
}
