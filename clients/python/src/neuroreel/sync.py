"""The client for scripts and notebooks: the asynchronous one, run by a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any, Coroutine, Dict, Iterator, List, Optional, Sequence, TypeVar, Union

from .aio import AsyncClient, AsyncJob, frame_view, snapshot
from .display import html_of, show
from .frames import Frame
from .http import DEFAULT_URL
from .protocol import Artifact, Event, JobRecord, Model, Request
from .stream import Watch

T = TypeVar("T")

_SNAPSHOT_SECONDS = 3.0


class _Loop:
    """An event loop in a thread, since a notebook's own is taken."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="neuroreel", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What the coroutine gives; an interrupt (Ctrl-C) cancels it."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        if not self._thread.is_alive():
            return
        self.run(_drained())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _drained() -> None:
    """Ends what is left of watches that nobody closed, so that no socket stays open."""
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    # Sockets are closed in the next round of the loop.
    await asyncio.sleep(0)


class Job:
    """A job of a server. In a notebook it shows itself; `show` does so until it has ended."""

    def __init__(self, client: Client, job: AsyncJob) -> None:
        self._client = client
        self._job = job

    @property
    def id(self) -> str:
        return self._job.id

    @property
    def state(self) -> str:
        """As last heard; `refresh` asks again."""
        return self._job.state

    @property
    def record(self) -> JobRecord:
        """The job as it was last heard of."""
        return self._job.record

    def __repr__(self) -> str:
        return f"<Job {self.id} {self.state}>"

    def _repr_html_(self) -> str:
        self.refresh()
        return html_of(self.record, self.picture())

    def refresh(self) -> JobRecord:
        """The job as it is now, with its activations so far."""
        return self._client._run(self._job.refresh())

    def frames(self, view: str = "play", *, format: str = "raw", **options: Any) -> Iterator[Frame]:
        """Frames until the job ends, see `AsyncJob.frames`; a slow consumer gets the newest, not a backlog."""
        with self._watching(frames=frame_view(view, format, options)) as watch:
            while (frame := self._client._run(watch.next_frame())) is not None:
                self._hear(watch)
                yield frame
            self._hear(watch)

    def events(self) -> Iterator[Event]:
        """What happens until the job ends: messages of type state, progress, ended, error, connection."""
        with self._watching() as watch:
            while (event := self._client._run(watch.next_event())) is not None:
                self._hear(watch)
                yield event

    def show(self, *, every: float = 0.5) -> None:
        """Shows picture and progress, at most once in `every` seconds, until the job has ended.

        In a notebook it replaces what it showed before; elsewhere it prints lines.
        """
        rate = min(60.0, max(0.1, 1 / max(every, 1e-3)))
        with self._watching(frames=frame_view("sheet", "raw", {"max_fps": rate})) as watch:
            show(self, self._news(watch), every)

    def _news(self, watch: Watch) -> Iterator[Optional[Frame]]:
        """The newest picture, whenever something has happened; picture and record of a job that has ended come last."""
        while (event := self._client._run(watch.next_event())) is not None:
            self._hear(watch)
            if event["type"] in ("state", "progress"):
                yield watch.last_frame
        self.refresh()

    def picture(self) -> Union[None, Frame, bytes]:
        """The newest picture: of a job that runs all its frames, tiled; of one that has ended an image file it left."""
        if self.state == "succeeded":
            images = [artifact["name"] for artifact in self.artifacts() if artifact["type"].startswith("image/")]
            named = [name for name in images if name.startswith(("sheet", "picture"))]
            return self.artifact((named or images)[0]) if images else None
        return self._client._run(snapshot(self._job, _SNAPSHOT_SECONDS)) if self.state in ("running", "paused") else None

    def wait(self, *, check: bool = True) -> JobRecord:
        """The job when it has ended. With `check`, one that failed raises why; one that was cancelled never does."""
        return self._client._run(self._job.wait(check=check))

    def cancel(self) -> JobRecord:
        return self._client._run(self._job.cancel())

    def pause(self) -> JobRecord:
        return self._client._run(self._job.pause())

    def resume(self) -> JobRecord:
        return self._client._run(self._job.resume())

    def retry(self) -> JobRecord:
        """Puts a failed or cancelled job back into the queue."""
        return self._client._run(self._job.retry())

    def steer(self, **changes: Any) -> JobRecord:
        """Changes the job from its next iteration on: `rate`, `unit`, `penalties`."""
        return self._client._run(self._job.steer(**changes))

    def delete(self) -> None:
        """Deletes the job, which must have ended, and all that it left."""
        self._client._run(self._job.delete())

    def artifacts(self) -> List[Artifact]:
        """The files that the job left."""
        return self._client._run(self._job.artifacts())

    def artifact(self, name: str) -> bytes:
        """One of the files. Raises NeuroreelError (ARTIFACT_UNKNOWN)."""
        return self._client._run(self._job.artifact(name))

    def report(self) -> Any:
        """What is needed to make it again, and what was measured: `report.json`."""
        return self._client._run(self._job.report())

    def download(self, name: str, path: Union[None, str, Path] = None) -> Path:
        """Saves one of the files; to the working folder under its own name, if no path is given."""
        return self._client._run(self._job.download(name, path))

    def _hear(self, watch: Watch) -> None:
        if watch.record is not None:
            self._job.record = {**self._job.record, **watch.record}

    def _watching(self, frames: Optional[Dict[str, Any]] = None) -> _Watching:
        return _Watching(self._client, self._job, frames)


class _Watching:
    """A watch that is made and closed in the thread of the loop."""

    def __init__(self, client: Client, job: AsyncJob, frames: Optional[Dict[str, Any]]) -> None:
        self._client = client
        self._job = job
        self._frames = frames

    def __enter__(self) -> Watch:
        async def begin() -> Watch:
            return self._job.watch(frames=self._frames)

        self._watch = self._client._run(begin())
        return self._watch

    def __exit__(self, *_: object) -> None:
        self._client._run(self._watch.close())


class Client:
    """A server: `Client("http://127.0.0.1:8160/", token=None)`. Close it, or use it with `with`."""

    def __init__(
        self, url: str = DEFAULT_URL, *, token: Optional[str] = None, timeout: float = 60.0, **reconnect: Any
    ) -> None:
        self._client = AsyncClient(url, token=token, timeout=timeout, **reconnect)
        self._loop = _Loop()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._run(self._client.close())
        self._loop.close()

    def submit(
        self,
        request: Optional[Request] = None,
        *,
        id: Optional[str] = None,
        idempotency_key: Optional[str] = None,
        **fields: Any,
    ) -> Job:
        """Submits a job: `submit(kind="video", unit="wave", frames=160)`; see `AsyncClient.submit`."""
        return Job(self, self._run(self._client.submit(request, id=id, idempotency_key=idempotency_key, **fields)))

    def job(self, id: str) -> Job:
        """A job by its id. Raises NeuroreelError (JOB_UNKNOWN)."""
        return Job(self, self._run(self._client.job(id)))

    def jobs(
        self,
        *,
        state: Union[None, str, Sequence[str]] = None,
        kind: Union[None, str, Sequence[str]] = None,
        model: Optional[str] = None,
        text: Optional[str] = None,
        parent: Optional[str] = None,
        limit: Optional[int] = None,
    ) -> List[Job]:
        """Jobs that fit, newest first; all of them, or `limit`."""
        found = self._run(
            self._client.jobs(state=state, kind=kind, model=model, text=text, parent=parent, limit=limit)
        )
        return [Job(self, job) for job in found]

    def models(self) -> List[Model]:
        """Installed models, with their labels."""
        return self._run(self._client.models())

    def model(self, name: str) -> Model:
        """Raises NeuroreelError (MODEL_UNKNOWN)."""
        return self._run(self._client.model(name))

    def clips(self) -> List[str]:
        """Names of the sets of clips that audits can be run on."""
        return self._run(self._client.clips())

    def health(self) -> Dict[str, Any]:
        """How the server is."""
        return self._run(self._client.health())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run(work)
