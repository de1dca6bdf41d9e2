import { describe, expect, it } from 'vitest';
import { columns, duration, facts, figure } from '../../clients/cli/format.js';
import { Output } from '../../clients/cli/output.js';
import { startLines } from '../../clients/cli/progress.js';
import { NeuroreelError } from '../../src/protocol/index.js';

function recorder(isTTY = false) {
  const stream = { text: '', isTTY, columns: 80, write: (text: string) => ((stream.text += text), true) };
  return stream;
}

describe('output', () => {
  it('for people has the result on one stream and the rest on the other', () => {
    const [stdout, stderr] = [recorder(), recorder()];
    const out = new Output({}, stdout, stderr);
    out.say('at once');
    out.note('by the way');
    out.result({ a: 1 }, 'the result');
    out.error(new NeuroreelError('UNIT_UNKNOWN', 'No such unit.'));
    expect(stdout.text).toBe('at once\nthe result\n');
    expect(stderr.text).toMatch(/^by the way\nerror UNIT_UNKNOWN: No such unit\.\nwhat to do: .+\n$/);
  });

  it('for programs is one document', () => {
    const [stdout, stderr] = [recorder(), recorder()];
    const out = new Output({ json: true }, stdout, stderr);
    out.say('at once');
    out.progress('work', 2).update(2);
    out.result({ a: 1 }, 'the result');
    expect(JSON.parse(stdout.text)).toEqual({ a: 1 });
    expect(stderr.text).toBe('work 2/2\n');
  });

  it('shows neither progress nor notes when it is to be quiet, but errors', () => {
    const [stdout, stderr] = [recorder(), recorder()];
    const out = new Output({ quiet: true }, stdout, stderr);
    out.note('by the way');
    out.progress('work', 2).update(1);
    expect(stderr.text).toBe('');
    out.error(new NeuroreelError('INTERNAL', 'Broken.'));
    expect(stderr.text).toContain('error INTERNAL: Broken.');
  });
});

describe('progress in lines', () => {
  it('tells the first step, one every ten seconds, and the last', () => {
    const stream = recorder();
    let now = 0;
    const progress = startLines(stream, 'training', 5, () => now);
    for (const [done, at] of [
      [1, 0],
      [2, 4000],
      [3, 11_000],
      [4, 12_000],
      [5, 13_000],
    ] as const) {
      now = at;
      progress.update(done, `loss ${done}`);
    }
    progress.end();
    expect(stream.text).toBe('training 1/5  loss 1\ntraining 3/5  loss 3  ETA 7 s\ntraining 5/5  loss 5\n');
  });

  it('tells how far it came when it ends early', () => {
    const stream = recorder();
    const progress = startLines(stream, 'work', 9, () => 0);
    progress.update(1);
    progress.update(4);
    progress.end();
    expect(stream.text).toBe('work 1/9\nwork 4/9\n');
  });
});

describe('text for people', () => {
  it('has durations in the units that fit', () => {
    expect([0.4, 59, 65, 3599.6, 7380].map(duration)).toEqual([
      '0 s',
      '59 s',
      '1 min 05 s',
      '1 h 00 min',
      '2 h 03 min',
    ]);
  });

  it('has numbers of four digits', () => {
    expect([0, 1.23456, 12345.6, 0.5, -2e-9, NaN].map(figure)).toEqual([
      '0',
      '1.235',
      '12350',
      '0.5',
      '-2.00e-9',
      'NaN',
    ]);
  });

  it('has tables and lists of facts', () => {
    expect(
      columns([
        ['a', 'b'],
        ['long', 'c'],
      ]),
    ).toBe('a     b\nlong  c');
    expect(
      facts([
        ['x', 1],
        ['none', undefined],
        ['list', [1, 2]],
        ['map', { a: 1, b: 'c' }],
      ]),
    ).toBe('x     1\nlist  1, 2\nmap   a 1, b c');
  });
});
