// Writes docs/errors.md from the catalogue in src/protocol/errors.ts: `node scripts/errors-doc.mjs`.
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureBuilt } from './build.mjs';

export const errorsDocPath = join(dirname(dirname(fileURLToPath(import.meta.url))), 'docs', 'errors.md');

/** The page, from the table of errors. */
export function renderErrorsDoc(errors) {
  const sections = Object.entries(errors).map(
    ([code, { status, meaning, remedy }]) =>
      `## ${code}\n\nHTTP status ${status}. ${meaning}\n\n**What to do:** ${remedy}\n`,
  );
  return `# Errors

Every error that neuroreel reports, on the API, on the stream and on the command line, has one of these codes. Over HTTP
it is the body of the answer:

\`\`\`json
{ "error": { "code": "JOB_UNKNOWN", "message": "what is wrong this time", "remedy": "what to do" } }
\`\`\`

Some have \`details\` as well: for \`REQUEST_INVALID\` and \`MESSAGE_INVALID\` a list of \`{ "field", "problem" }\`. Codes are
stable; messages are for people and may change. This page is generated: \`node scripts/errors-doc.mjs\`.

${sections.join('\n')}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await ensureBuilt();
  const { ERRORS } = await import('../dist/src/protocol/errors.js');
  writeFileSync(errorsDocPath, renderErrorsDoc(ERRORS));
}
