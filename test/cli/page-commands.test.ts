/** The commands that the page shows for a request are those that the command line takes. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { commandLine, COMMANDS, curlLine } from '../../clients/web/start/command-line.js';
import { jobRequest } from '../../src/protocol/index.js';
import { openPlace, type Place } from './run-cli.js';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const SERVER = 'http://127.0.0.1:8160/';

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
      const { shape } = jobRequest.options.find((one) => one.shape.kind.value === kind)!;
      const held = 'job' in shape ? shape.job.options.map((one) => one.shape) : [];
      const fields = Object.assign({}, shape, ...held) as object;
      expect(Object.keys(options).filter((field) => !(field in fields))).toEqual([]);
    },
  );

  it('quotes what a shell would take apart, and names what it has no option for', () => {
    const { line, missing } = commandLine(
      { kind: 'video', unit: "it's a $HOME", position: [1, 2], previewEvery: 3 },
      SERVER,
    )!;
    expect(line).toBe(`neuroreel video --unit 'it'\\''s a $HOME' --position 1,2`);
    expect(missing).toEqual(['previewEvery']);
  });

  it('of a figure names the figure first, and the server where it names what only the server has', () => {
    const { line } = commandLine({ kind: 'figure', figure: 's10', units: ['a', 2], starts: 3 }, SERVER)!;
    expect(line).toBe('neuroreel figure s10 --units a,2 --starts 3');
    const beside = commandLine({ kind: 'figure', figure: 'beside', jobs: ['one', 'two'] }, SERVER)!;
    expect(beside.line).toBe(`neuroreel figure beside --videos one two --server ${SERVER}`);
  });

  it('of a batch has the options of its jobs', () => {
    const job = { kind: 'image', model: 'm', starts: 2, keyframeEvery: 5 } as const;
    const { line, missing } = commandLine({ kind: 'batch', units: 'all', job }, SERVER)!;
    expect(line).toBe('neuroreel batch --model m --starts 2');
    expect(missing).toEqual(['keyframeEvery']);
    expect(commandLine({ kind: 'batch', units: [1, 'b'], job }, SERVER)!.line).toContain('--units 1,b');
  });

  it('is a call of curl, too, with the token by its variable', () => {
    expect(curlLine({ kind: 'audit' }, 'http://h/p/', true)).toBe(
      `curl -X POST http://h/p/v1/jobs -H "Authorization: Bearer $NEUROREEL_TOKEN" -H 'Content-Type: application/json' ` +
        `-d '{"kind":"audit"}'`,
    );
  });
});
