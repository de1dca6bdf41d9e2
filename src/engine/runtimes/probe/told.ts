/** What a trial of a candidate tells: the message from the process that tried it, and what is kept of it. */
import { z } from 'zod';

const works = z.strictObject({
  works: z.literal(true),
  description: z.string().max(500),
  gflops: z.number(),
  milliseconds: z.number(),
  images: z.number(),
});
const fails = z.strictObject({ works: z.literal(false), why: z.string().max(20_000) });

export const toldSchema = z.discriminatedUnion('works', [works, fails]);
export type Told = z.output<typeof toldSchema>;

/** What computed, as far as the system's loader of graphics drivers says. */
const adapter = z.string().max(500).optional();

export const probeResult = z.discriminatedUnion('works', [
  works.extend({ adapter, software: z.boolean() }),
  fails.extend({ adapter }),
]);
/** `software`: what claims to be a graphics processor is a program on the CPU. */
export type ProbeResult = z.output<typeof probeResult>;
