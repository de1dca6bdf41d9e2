/** The report of a self-test as plain text for a terminal. */
import type { SelfTestReport } from '../../protocol/self-test-report.js';
import { alignTable } from './format-report.js';
import { rounded } from './words.js';

/** All of it, lines ended by newlines. */
export function formatSelfTest({ passed, runs, seed, checks, power }: SelfTestReport): string {
  const failed = checks.filter((check) => !check.passed).length;
  const outcome = passed
    ? `passed: all ${checks.length} checks of the audit's instruments hold`
    : `failed: ${failed} of ${checks.length} checks of the audit's instruments do not hold`;
  const rows = checks.map(({ name, expectation, found, passed: good }) => [
    name,
    expectation,
    found,
    good ? 'ok' : 'FAILED',
  ]);
  const curve = power.map(({ clips, excess, sensitive, insensitive, inconclusive }) => [
    String(clips),
    rounded(excess),
    rounded(sensitive),
    rounded(insensitive),
    rounded(inconclusive),
  ]);
  return [
    `${outcome} (${runs} simulated audits each, seed ${seed}).`,
    '',
    ...alignTable(['what', 'expected', 'found', ''], rows),
    '',
    'How often each verdict is given, per cent (R = 20 orders, delta = 5 %):',
    ...alignTable(['clips', 'true excess %', 'sensitive', 'insensitive', 'inconclusive'], curve),
    '',
  ].join('\n');
}
