/** What `neuroreel audit --self-test` found: the audit's instruments held against simulated recognisers of known truth. */
import { z } from 'zod';

export const SELF_TEST_FORMAT = 'neuroreel.audit-self-test/1';

const share = z.number().min(0).max(1);

const check = z.strictObject({
  name: z.string(),
  expectation: z.string(),
  found: z.string(),
  value: z.number().describe('What was found, as a number.'),
  passed: z.boolean(),
});
export type SelfTestCheck = z.output<typeof check>;

const powerPoint = z
  .strictObject({
    clips: z.int().min(1).describe('N.'),
    excess: share.describe('True excess flip rate.'),
    sensitive: share,
    insensitive: share,
    inconclusive: share,
  })
  .describe('How often each verdict is given.');
export type PowerPoint = z.output<typeof powerPoint>;

export const selfTestReport = z
  .strictObject({
    format: z.literal(SELF_TEST_FORMAT),
    passed: z.boolean(),
    runs: z.int().min(1).describe('Simulated audits for each rate.'),
    seed: z.int().min(0),
    checks: z.array(check),
    power: z.array(powerPoint),
  })
  .describe('Report of a self-test.');
export type SelfTestReport = z.output<typeof selfTestReport>;
