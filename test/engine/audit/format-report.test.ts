import { describe, expect, it } from 'vitest';
import { directionOfMotion, DIRECTIONS, movingBars } from '../../../src/engine/audit/controls.js';
import { alignTable, formatReport, wrap } from '../../../src/engine/audit/format-report.js';
import { audit } from '../../../src/engine/audit/audit.js';

const size = { width: 16, height: 4 };
const report = await audit({
  models: [
    {
      name: 'direction',
      scorer: directionOfMotion(size),
      labels: DIRECTIONS,
      partners: { rightwards: 'leftwards', leftwards: 'rightwards' },
    },
  ],
  clips: [...movingBars({ clips: 30, frames: 16, ...size, seed: 2 }), { name: 'torn.mp4', unusable: 'it is empty' }],
  conditions: ['reverse', 'static', 'shuffle-window-80'],
});

describe('a report as text', () => {
  const text = formatReport(report, { width: 80 });
  const lines = text.split('\n');

  it('begins with the verdict in words, wrapped', () => {
    const sentence = lines.slice(0, lines.indexOf('')).join(' ');
    expect(sentence).toBe(report.sentence);
    expect(lines.slice(0, 3).every((line) => line.length <= 80)).toBe(true);
    expect(sentence).toMatch(/^sensitive: direction uses the order of frames/);
  });

  it('has a row for each condition with aligned columns', () => {
    const head = lines.findIndex((line) => line.startsWith('condition'));
    const table = lines.slice(head, head + 6);
    expect(table.map((row) => row.split(' ')[0])).toEqual([
      'condition',
      'original',
      'shuffle',
      'reverse',
      'static',
      '(another',
    ]);
    const end = table[0]!.indexOf('flips %') + 'flips %'.length;
    for (const row of table.slice(1)) expect(row.slice(end - 1, end + 1).trimEnd()).toBe(']');
    expect(text).toContain('shuffle-window-80 left out: no clip has the 81 frames that it needs.');
  });

  it('tells of reversed pairs, of what accuracy rests on, of controls and of skipped clips', () => {
    expect(text).toContain('Reversed clips of time-reversed pairs (30): 100.0 [88.6, 100.0] % given the partner');
    expect(text).toContain('Accuracy above chance (50.0 %)');
    expect(text).toContain('Controls passed: bag of frames, direction of motion.');
    expect(text).toContain('Skipped (1):\n  torn.mp4: it is empty\n');
  });

  it('lists clips when asked to', () => {
    expect(text).not.toContain('moving-bar-3');
    expect(formatReport(report, { clips: true })).toMatch(/moving-bar-3 +leftwards +leftwards .*rightwards \(100\.0\)/);
  });

  it('warns when a control has failed', () => {
    const [first, ...rest] = report.controls;
    const failed = { ...report, controls: [{ ...first!, passed: false, found: 'largest change 0.5' }, ...rest] };
    expect(formatReport(failed)).toContain('CONTROL FAILED, do not trust the verdict: bag of frames.');
  });
});

describe('layout', () => {
  it('wraps at words and never cuts one', () => {
    expect(wrap('one two three', 7)).toEqual(['one two', 'three']);
    expect(wrap('extraordinarily so', 5)).toEqual(['extraordinarily', 'so']);
  });

  it('aligns the first column to the left and the others to the right', () => {
    expect(alignTable(['a', 'n'], [['bcd', '10'], ['e']])).toEqual(['a     n', 'bcd  10', 'e']);
  });
});
