/** The commands that the page shows for a request are those that the command line takes. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { commandLine, COMMANDS, curlLine } from '../../clients/web/start/command-line.js';
import { jobRequest } from '../../src/protocol/index.js';
import { openPlace, type Place } from './run-cli.js';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let place: Place;
beforeAll(async () => {
  place = await openPlace();
});
afterAll(() => place.remove());

describe('a request as a command', () => {
  it.each(Object.entries(COMMANDS))(
    'has options that neuroreel %s has, for fields of the request',
    async (kind, options) => {
      const { stdout } = await place.run([kind, '--help']);
      for (const option of Object.values(options)) expect(stdout).toMatch(new RegExp(`--${option}[ ,]`));
      const schema = jobRequest.options.find(({ shape }) => shape.kind.value === kind);
      expect(Object.keys(options).filter((field) => !(field in schema!.shape))).toEqual([]);
    },
  );

  it('quotes what a shell would take apart, and names what it has no option for', () => {
    const { line, missing } = commandLine({ kind: 'video', unit: "it's a $HOME", position: [1, 2], previewEvery: 3 })!;
    expect(line).toBe(`neuroreel video --unit 'it'\\''s a $HOME' --position 1,2`);
    expect(missing).toEqual(['previewEvery']);
  });

  it('is a call of curl, too, with the token by its variable', () => {
    expect(curlLine({ kind: 'audit' }, 'http://h/p/', true)).toBe(
      `curl -X POST http://h/p/v1/jobs -H "Authorization: Bearer $NEUROREEL_TOKEN" -H 'Content-Type: application/json' ` +
        `-d '{"kind":"audit"}'`,
    );
  });
});
