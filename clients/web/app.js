/** The live page: shows one job as it runs, lists the others, and starts new ones. */
import { ApiError, call, fileAddress, token } from './api.js';
import { AuditForm, auditFacts, auditName, AuditView } from './audit.js';
import { Chart, short } from './chart.js';
import { Player } from './player.js';
import { Stream } from './stream.js';

const FINAL = ['succeeded', 'failed', 'canceled'];
const STATES = {
  queued: 'waiting',
  starting: 'starting',
  running: 'running',
  paused: 'paused',
  encoding: 'encoding',
  succeeded: 'finished',
  failed: 'failed',
  canceled: 'cancelled',
};
/** The files of a job as links, the most wanted first. */
const FILES = { 'video.mp4': 'Video', 'sheet.png': 'Contact sheet', 'activation.png': 'Plot', 'report.json': 'Report' };
const LIST_EVERY_MS = 4000;

const $ = (id) => document.getElementById(id);
const chart = new Chart($('chart'));
const player = new Player($('player'), $('sheet'), showFrameNumber);
const auditView = new AuditView();
const auditForm = new AuditForm({ started: showStarted, failed: showFailure });
const stream = new Stream({ connection: showConnection, message: hear, frame: hearFrame });

/** The job on show, as the server last described it; null for none. */
let job = null;
let progress = null;
let models = [];
/** True while the page follows the newest job instead of one that was asked for. */
let following = new URLSearchParams(location.search).get('job') === null;
let view = 'play';

// --- words and numbers ---

function duration(seconds) {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')} min`;
}

const isAudit = (entry) => entry?.request.kind === 'audit';

/** What a job is called: an audit after its models, a video after its unit. */
const nameOf = (entry) => (isAudit(entry) ? auditName(entry) : sentenceCase(unitLabel(entry)));

/** The label of a job's unit, as far as it is known before the job runs. */
function unitLabel({ request, run }) {
  if (run !== null) return run.unit.label;
  const model = models.find(({ name }) => name === request.model);
  const unit = request.unit ?? model?.default?.unit;
  if (typeof unit === 'number') return model?.labels[unit] ?? `unit ${unit}`;
  return unit ?? 'default unit';
}

function sentenceCase(text) {
  const words = text.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function setText(id, text) {
  const node = $(id);
  if (node.textContent !== text) node.textContent = text;
}

// --- the job on show ---

function showJob() {
  const none = job === null;
  $('job-body').hidden = none || isAudit(job);
  $('audit-body').hidden = !isAudit(job);
  $('empty').hidden = !none;
  $('job-state').hidden = none;
  if (none) {
    setText('job-title', 'Nothing made yet');
    setText('job-subtitle', '');
    $('job-error').hidden = true;
    return;
  }
  const { request, state } = job;
  setText('job-title', nameOf(job));
  setText('job-subtitle', isAudit(job) ? auditFacts(job) : videoFacts(job));
  setText('job-state', STATES[state]);
  $('job-state').dataset.state = state;
  $('job-error').hidden = job.error === null;
  setText('job-error-message', job.error?.message ?? '');
  setText('job-error-remedy', job.error?.remedy ?? '');
  if (isAudit(job)) {
    showProgress();
    return;
  }
  $('pause').hidden = state !== 'running' && state !== 'paused';
  setText('pause', state === 'paused' ? 'Resume' : 'Pause');
  $('cancel').hidden = FINAL.includes(state);
  player.fps = request.fps;
  showProgress();
  showScreen();
}

function videoFacts({ request, run }) {
  const model = run === null ? request.model : `unit ${run.unit.index} of ${request.model}`;
  return [model, `${request.frames} frames`, `preset ${request.preset}`, `seed ${request.seed}`].join(' · ');
}

/** Label and share of the bar: iterations first, then encoded frames. */
function progressOf({ state }) {
  const {
    iteration = 0,
    iterations = job.run?.iterations ?? 0,
    framesEncoded = 0,
    framesToEncode = 0,
  } = progress ?? {};
  const reached = iterations === 0 ? 0 : iteration / iterations;
  switch (state) {
    case 'queued':
      return ['Waiting for the job before it', 0];
    case 'starting':
      return ['Opening the models', 0];
    case 'encoding':
      return [`Encoding: ${framesEncoded} of ${framesToEncode} frames`, framesEncoded / Math.max(1, framesToEncode)];
    case 'succeeded':
      return ['Finished', 1];
    case 'failed':
      return [iteration > 0 ? `Failed after ${iteration} iterations` : 'Failed', reached];
    case 'canceled':
      return [iteration > 0 ? `Cancelled after ${iteration} iterations` : 'Cancelled before it ran', reached];
    default:
      return [iterations > 0 ? `Iteration ${iteration} of ${iterations}` : 'Running', reached];
  }
}

/** Time left, or taken when it is over. */
function timeOf({ state, startedAt, endedAt }) {
  if (FINAL.includes(state))
    return startedAt === null ? '–' : duration((Date.parse(endedAt) - Date.parse(startedAt)) / 1000);
  return progress === null ? '–' : duration(progress.etaSeconds);
}

function showProgress() {
  if (isAudit(job)) {
    auditView.show(job, progress, { time: timeOf(job) });
    showDocumentTitle(progress === null ? 0 : progress.iteration / Math.max(1, progress.iterations));
    return;
  }
  const [label, share] = progressOf(job);
  const percent = Math.floor(share * 100);
  setText('progress-label', label);
  setText('progress-share', `${percent} %`);
  $('progress-fill').style.width = `${share * 100}%`;
  $('progress-bar').setAttribute('aria-valuenow', String(percent));
  $('progress-bar').setAttribute('aria-valuetext', label);
  $('progress-bar').dataset.state = job.state;
  const over = FINAL.includes(job.state);
  setText('stat-activation', progress === null ? '–' : short(progress.activation));
  setText('stat-iteration', progress === null ? '–' : `${progress.iteration} / ${progress.iterations}`);
  setText('stat-time-label', over ? 'Time taken' : 'Time left');
  setText('stat-eta', timeOf(job));
  setText('stat-pace', progress === null ? '–' : progress.secondsPerIteration.toFixed(2));
  setText('stat-runtime', job.run?.runtime ?? '–');
  $('stat-runtime').title = job.run?.runtime ?? '';
  showDocumentTitle(share);
}

function showDocumentTitle(share) {
  const name = nameOf(job);
  document.title = FINAL.includes(job.state)
    ? `${name} – neuroreel`
    : `${Math.floor(share * 100)} % ${name} – neuroreel`;
}

/** Decides what the screen shows: live canvas or sheet, the finished video or its sheet, or words. */
function showScreen() {
  const done = job.state === 'succeeded' && $('video').dataset.job === job.id;
  const live = !done && player.hasFrames;
  $('player').hidden = !(live && view === 'play');
  $('sheet').hidden = !(live && view === 'sheet');
  $('video').hidden = !(done && view === 'play');
  $('sheet-image').hidden = !(done && view === 'sheet');
  $('screen-empty').hidden = live || done;
  $('transport').hidden = !live;
  $('tabs').hidden = !(live || done);
  // The finished files are enlarged already.
  $('smooth').closest('label').hidden = done;
  $('job-body').classList.toggle('wide', view === 'sheet' && (live || done));
  $('artifacts').hidden = !done;
  const words = {
    queued: 'Starts when the job before it has ended',
    succeeded: 'Loading the video',
    failed: 'No frames are left of this job',
    canceled: 'No frames are left of this job',
  };
  $('screen').classList.toggle('over', job.state === 'failed' || job.state === 'canceled');
  setText('screen-empty', words[job.state] ?? 'Waiting for the first frames');
  player.redraw();
}

function showFrameNumber(frame, frames) {
  const scrub = $('scrub');
  scrub.max = String(frames - 1);
  scrub.value = String(frame);
  scrub.setAttribute('aria-valuetext', `frame ${frame + 1} of ${frames}`);
  setText('frame-number', `${frame + 1} / ${frames}`);
}

function inOrder(artifacts) {
  const place = ({ name }) => Object.keys(FILES).indexOf(name) + 1 || Infinity;
  return artifacts.toSorted((a, b) => place(a) - place(b));
}

/** The finished video in place, its files as links, and the level of real clips in the chart. */
async function showResult(id) {
  const { artifacts } = await call('GET', `v1/jobs/${id}/artifacts`);
  if (job?.id !== id) return;
  const addresses = new Map();
  for (const { name, url } of artifacts) addresses.set(name, await fileAddress(url));
  if (job?.id !== id) return;
  $('artifacts').replaceChildren(
    ...inOrder(artifacts).map(({ name, bytes }) => {
      const item = document.createElement('li');
      const link = document.createElement('a');
      link.href = addresses.get(name);
      link.download = `${id}-${name}`;
      link.textContent = FILES[name] ?? name;
      const size = document.createElement('span');
      size.className = 'quiet';
      size.textContent = bytes < 1e6 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
      item.append(link, ' ', size);
      return item;
    }),
  );
  if (addresses.has('video.mp4')) {
    $('video').src = addresses.get('video.mp4');
    $('video').dataset.job = id;
    $('video').ariaLabel = `The finished video of ${unitLabel(job)}`;
    if (player.playing)
      $('video')
        .play()
        .catch(() => undefined);
  }
  if (addresses.has('sheet.png')) $('sheet-image').src = addresses.get('sheet.png');
  showScreen();
  if (!addresses.has('report.json')) return;
  const report = await call('GET', `v1/jobs/${id}/artifacts/report.json`);
  if (job?.id === id) chart.setReal(report.realClips?.mean ?? null);
}

// --- choosing a job ---

function watch(id) {
  player.clear();
  auditView.clear();
  job = null;
  progress = null;
  delete $('video').dataset.job;
  $('video').removeAttribute('src');
  $('stat-dropped').textContent = '0';
  stream.watch(id, { view: 'sheet', maxFps: 10, quality: 85 });
  for (const link of $('jobs').querySelectorAll('a')) {
    if (link.dataset.job === id) link.setAttribute('aria-current', 'true');
    else link.removeAttribute('aria-current');
  }
  watched = id;
}

let watched = null;

function choose(id) {
  following = false;
  const address = new URL(location.href);
  address.searchParams.set('job', id);
  history.pushState(null, '', address);
  watch(id);
}

// --- news ---

function hear(message) {
  if (message.type === 'error') {
    if (message.job === watched) showMissing(message.error);
    return;
  }
  const about = message.type === 'state' ? message.job.id : message.job;
  if (about !== watched) return;
  if (message.type === 'state') hearState(message);
  if (message.type === 'progress') hearProgress(message);
}

function hearState({ job: news, history: past }) {
  const ended = FINAL.includes(news.state);
  job = news;
  progress = news.progress;
  if (past !== undefined) {
    if (isAudit(news)) auditView.history(past, news.progress?.iterations);
    else chart.reset(past, news.run?.iterations ?? past.iterations.at(-1));
  }
  showJob();
  if (news.state === 'succeeded') {
    const shown = isAudit(news) ? auditView.showResult(news.id, () => job?.id === news.id) : showResult(news.id);
    shown.catch(showFailure);
  }
  if (ended || past === undefined) refreshJobs();
}

function hearProgress({ progress: news, dropped }) {
  if (job === null) return;
  progress = news;
  if (isAudit(job)) auditView.progressed(job, news);
  else chart.add(news.iteration, news.activation, news.iterations);
  setText('stat-dropped', String(dropped));
  showProgress();
}

function hearFrame(header, picture) {
  const frames = job?.run?.frames;
  if (frames === undefined || header.kind !== 'sheet') return;
  const first = !player.hasFrames;
  player.show(header, picture, frames).then(() => first && job !== null && showScreen(), showFailure);
}

function showConnection(state) {
  const words = { connecting: 'Connecting', live: 'Live', lost: 'Reconnecting' };
  $('connection').dataset.state = state;
  setText('connection', words[state]);
}

function showMissing(error) {
  job = null;
  showJob();
  setText('job-title', 'This job is not there');
  $('job-error').hidden = false;
  setText('job-error-message', error.message);
  setText('job-error-remedy', 'Choose another one from the list.');
  $('empty').hidden = true;
}

function showFailure(error) {
  if (error instanceof ApiError && error.code === 'TOKEN_REQUIRED') {
    if (!$('token-dialog').open) $('token-dialog').showModal();
    return;
  }
  // When the server cannot be reached, the stream says so, and comes back by itself.
  if (!(error instanceof ApiError)) return;
  setText('trouble', `${error.message} ${error.remedy}`);
  $('trouble').hidden = false;
}

// --- the list of jobs ---

async function refreshJobs() {
  let jobs;
  try {
    ({ jobs } = await call('GET', 'v1/jobs'));
  } catch (error) {
    showFailure(error);
    return;
  }
  $('jobs-empty').hidden = jobs.length > 0;
  $('jobs').replaceChildren(...jobs.slice(0, 50).map(listItem));
  if (!following) return;
  const active = jobs.find(({ state }) => !FINAL.includes(state) && state !== 'queued');
  const newest = active ?? jobs[0];
  if (newest === undefined) showJob();
  else if (newest.id !== watched && (watched === null || FINAL.includes(job?.state))) watch(newest.id);
}

function listItem(entry) {
  const item = document.createElement('li');
  const link = document.createElement('a');
  link.href = `?job=${encodeURIComponent(entry.id)}`;
  link.dataset.job = entry.id;
  if (entry.id === watched) link.setAttribute('aria-current', 'true');
  const name = document.createElement('span');
  name.className = 'job-name';
  name.textContent = nameOf(entry);
  const state = document.createElement('span');
  state.className = 'state small';
  state.dataset.state = entry.state;
  state.textContent = STATES[entry.state];
  const time = document.createElement('time');
  time.className = 'quiet';
  time.dateTime = entry.createdAt;
  time.textContent = new Date(entry.createdAt).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' });
  link.append(name, state, time);
  link.addEventListener('click', (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    choose(entry.id);
  });
  item.append(link);
  return item;
}

// --- starting a job ---

function option(value, text) {
  const made = document.createElement('option');
  made.value = value;
  made.textContent = text;
  return made;
}

async function loadModels() {
  ({ models } = await call('GET', 'v1/models'));
  const recognisers = models.filter(({ kind }) => kind === 'recogniser');
  $('start-model').replaceChildren(...recognisers.map(({ name, title }) => option(name, `${name} – ${title}`)));
  if (recognisers.some(({ name }) => name === 'figures-lrcn')) $('start-model').value = 'figures-lrcn';
  $('start-button').disabled = recognisers.length === 0;
  if (recognisers.length === 0) setText('start-error', 'No recogniser is installed. See `neuroreel models`.');
  loadUnits();
  // The jobs need not wait for the names of the sets of clips.
  auditForm.load(recognisers).catch(showFailure);
}

function loadUnits() {
  const model = models.find(({ name }) => name === $('start-model').value);
  $('start-unit').replaceChildren(...(model?.labels ?? []).map((label, index) => option(String(index), label)));
  const preferred = model?.default?.unit ?? 0;
  const index = typeof preferred === 'number' ? preferred : model.labels.indexOf(preferred);
  $('start-unit').value = String(Math.max(0, index));
}

async function showStarted(id) {
  choose(id);
  await refreshJobs();
  $('watch').scrollIntoView({ block: 'start' });
}

async function start(event) {
  event.preventDefault();
  setText('start-error', '');
  $('start-button').disabled = true;
  try {
    const made = await call('POST', 'v1/jobs', {
      kind: 'video',
      model: $('start-model').value,
      unit: Number($('start-unit').value),
      preset: $('start-preset').value,
      seed: Number($('start-seed').value),
    });
    await showStarted(made.id);
  } catch (error) {
    setText(
      'start-error',
      error instanceof ApiError ? `${error.message} ${error.remedy}` : 'The server cannot be reached.',
    );
    showFailure(error);
  } finally {
    $('start-button').disabled = false;
  }
}

// --- controls ---

function setView(next) {
  view = next;
  $('view-play').setAttribute('aria-pressed', String(next === 'play'));
  $('view-sheet').setAttribute('aria-pressed', String(next === 'sheet'));
  if (job !== null) showScreen();
}

function setPlaying(playing) {
  player.playing = playing;
  $('play').setAttribute('aria-label', playing ? 'Pause' : 'Play');
  $('play').dataset.playing = String(playing);
}

async function command(what) {
  if (job === null) return;
  $('trouble').hidden = true;
  try {
    await call('POST', `v1/jobs/${job.id}/${what}`);
  } catch (error) {
    showFailure(error);
  }
}

function listen() {
  $('view-play').addEventListener('click', () => setView('play'));
  $('view-sheet').addEventListener('click', () => setView('sheet'));
  $('smooth').addEventListener('change', () => {
    player.smooth = $('smooth').checked;
    $('screen').classList.toggle('pixels', !player.smooth);
    player.redraw();
  });
  $('play').addEventListener('click', () => setPlaying(!player.playing));
  $('scrub').addEventListener('input', () => {
    setPlaying(false);
    player.seek(Number($('scrub').value));
  });
  $('speed').addEventListener('change', () => (player.speed = Number($('speed').value)));
  $('pause').addEventListener('click', () => command(job?.state === 'paused' ? 'resume' : 'pause'));
  $('cancel').addEventListener('click', () => command('cancel'));
  $('audit-pause').addEventListener('click', () => command(job?.state === 'paused' ? 'resume' : 'pause'));
  $('audit-cancel').addEventListener('click', () => command('cancel'));
  $('start').addEventListener('submit', start);
  $('start-model').addEventListener('change', loadUnits);
  $('token-form').addEventListener('submit', () => {
    token.set($('token').value);
    begin();
  });
  window.addEventListener('popstate', showAddressed);
  window.addEventListener('resize', () => player.redraw());
}

/** Shows the job that the address names, or follows the newest. */
function showAddressed() {
  const asked = new URLSearchParams(location.search).get('job');
  following = asked === null;
  if (asked !== null) watch(asked);
}

async function begin() {
  try {
    await loadModels();
  } catch (error) {
    showFailure(error);
    if (error instanceof ApiError && error.code === 'TOKEN_REQUIRED') return;
  }
  await refreshJobs();
  stream.connect();
}

listen();
setPlaying(player.playing);
showAddressed();
begin();
setInterval(() => document.visibilityState === 'visible' && refreshJobs(), LIST_EVERY_MS);
