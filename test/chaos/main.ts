/** `npm run test:chaos`: the scenarios in a size to be chosen, and what came of them in the last line. */
import { parseArgs } from 'node:util';
import { batch, killServer, killWorker, type Counts } from './scenarios.js';

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: '10' },
    units: { type: 'string', default: '20' },
    workers: { type: 'string' },
    seed: { type: 'string', default: '1' },
    model: { type: 'string' },
    frames: { type: 'string' },
    iterations: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

const HELP = `npm run test:chaos -- [options]
  --size N         the server is killed in the middle of N jobs (10)
  --workers N      the worker is killed in the middle of N jobs (as --size)
  --units N        units of the batch, 3 or more (20)
  --seed N         of the random moments (1)
  --model NAME, --frames N, --iterations N   the job that is disturbed (a video of a tiny recogniser)`;

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const words = (counts: Counts): string =>
  Object.entries(counts)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ');

if (values.help) say(HELP);
else {
  const units = Number(values.units);
  if (!(units >= 3)) throw new Error('--units: 3 or more, so that the batch can be interrupted twice');
  const size = Number(values.size);
  const seed = Number(values.seed);
  const job = {
    ...(values.model !== undefined && { model: values.model }),
    ...(values.frames !== undefined && { frames: Number(values.frames) }),
    ...(values.iterations !== undefined && { iterations: Number(values.iterations) }),
  };
  const server = await killServer({ size, seed, job, say });
  say(`server killed: ${words(server)}`);
  const worker = await killWorker({ size: Number(values.workers ?? size), seed, job, say });
  say(`worker killed: ${words(worker)}`);
  const many = await batch({ size: units, seed, say });
  const kills = [server, worker];
  const isHit = kills.every((counts) => counts['hit running']! >= counts['jobs']! / 2);
  const isWell =
    kills.every(({ jobs, succeeded, identical }) => succeeded === jobs && identical === jobs) &&
    server['lost'] === 0 &&
    server['doubled'] === 0 &&
    many['succeeded'] === units &&
    many['inOrder'] === 1 &&
    many['twice'] === 0;
  if (!isHit) say('fewer than half of the kills hit a running job: give it more --iterations');
  if (!isWell || !isHit) process.exitCode = 1;
  say(
    `chaos ${isWell && isHit ? 'passed' : 'FAILED'}: server killed: ${words(server)}; worker killed: ${words(worker)}; ` +
      `batch: ${words(many)}`,
  );
}
