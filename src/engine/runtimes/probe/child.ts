/**
 * The process in which a candidate is tried: opens it, checks what it computes, times it, and tells the parent. Whatever its
 * native library does - end the process, hang, write to the terminal - stays here. Arguments: runtime, device.
 */
import { NeuroreelError } from '../../../protocol/errors.js';
import { CANDIDATES } from '../candidates.js';
import { measureRate } from './rate.js';
import type { Told } from './told.js';

async function told(): Promise<Told> {
  const [runtime, device] = process.argv.slice(2);
  const candidate = CANDIDATES.find((c) => c.runtime === runtime && c.device === device);
  if (!candidate) return { works: false, why: `there is no ${runtime} on ${device}` };
  try {
    const opened = await candidate.open();
    return { works: true, description: opened.description, ...(await measureRate(opened)) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { works: false, why: error instanceof NeuroreelError ? message : `it fails: ${message.split('\n')[0]}` };
  }
}

const result = await told();
// Without the parent there is nobody to tell. What a library does when the process ends does not count any more.
if (process.send) process.send(result, () => process.exit(0));
