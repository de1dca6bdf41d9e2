/** What can be changed of a job while it runs. Over HTTP and on the stream alike. */
import type { z } from 'zod';
import { synthesisSteering } from './synthesis.js';

export const steering = synthesisSteering
  .refine(
    ({ penalties, ...rest }) => Object.values({ ...rest, ...penalties }).some((value) => value !== undefined),
    'expected something to change',
  )
  .describe('Changes to a running job; each takes effect before its next iteration and is recorded in its report.');
export type Steering = z.output<typeof steering>;
