// One work in a process of its own, so that its memory is its own: told to run once, it answers with the milliseconds.
import { WORKS, PRODUCT, open } from './works.mjs';

const [index, runtime] = process.argv.slice(2);
const work = await open(index === 'product' ? PRODUCT : WORKS[Number(index)], runtime);
const { gflop, firstMs, plan, runtime: description, check } = work;
process.send({ ready: true, gflop, firstMs, plan, runtime: description, check });
process.on('message', async (message) => {
  if (message !== 'run') process.exit(0);
  const { ms } = await work.run();
  process.send({ ms, rss: work.rss() });
});
