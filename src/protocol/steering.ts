/** What can be changed of a job while it runs. Over HTTP and on the stream alike. */
import { z } from 'zod';

export const steering = z
  .strictObject({
    rate: z.number().gt(0).max(1e6).optional().describe('New learning rate of the codes.'),
    unit: z
      .union(
        [z.int().min(0).max(1_000_000), z.string().min(1).max(200)],
        'expected an index from 0 or the text of a label',
      )
      .optional()
      .describe('New unit to maximise: its index or its label.'),
    penalties: z
      .record(z.string().min(1).max(50), z.number().min(0).max(1e6))
      .refine((weights) => Object.keys(weights).length <= 16, 'expected at most 16 penalties')
      .optional()
      .describe('New weights of penalties, by name; those that are not named stay as they are.'),
  })
  .refine((change) => Object.values(change).some((value) => value !== undefined), 'expected something to change')
  .describe('Changes to a running job; each takes effect before its next iteration and is recorded in its report.');
export type Steering = z.output<typeof steering>;
