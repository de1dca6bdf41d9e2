"""The asynchronous client: `async with AsyncClient() as client: job = await client.submit(...)`."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path
from typing import Any, AsyncIterator, Dict, List, Mapping, Optional, Sequence, Union, cast

from .errors import NeuroreelError, reported_error
from .frames import Frame
from .http import DEFAULT_URL, Http
from .protocol import Artifact, Event, JobRecord, Model, Request, is_final
from .stream import Watch

#: Waits before a submission that got no answer is sent again, seconds.
_SUBMIT_WAITS = (0.3, 1.0)


def _joined(value: Union[None, str, Sequence[str]]) -> Optional[str]:
    return value if value is None or isinstance(value, str) else ",".join(value)


class AsyncJob:
    """A job of a server. `record` is what was last heard of it; `refresh` asks again."""

    def __init__(self, client: AsyncClient, record: JobRecord) -> None:
        self._client = client
        self.record = record

    @property
    def id(self) -> str:
        return self.record["id"]

    @property
    def state(self) -> str:
        """As last heard: queued, starting, running, paused, encoding, succeeded, failed or canceled."""
        return self.record["state"]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} {self.state}>"

    async def refresh(self) -> JobRecord:
        """The job as it is now, with its activations so far."""
        self.record = await self._client._json("GET", self._path())
        return self.record

    def watch(
        self, *, frames: Optional[Dict[str, Any]] = None, replay: Optional[Dict[str, Any]] = None
    ) -> Watch:
        """Watches the job over the stream; to be closed, or used with `async with`."""
        return Watch(self._client._http, self.id, frames=frames, replay=replay, **self._client._reconnect)

    async def frames(self, view: str = "play", *, format: str = "raw", **options: Any) -> AsyncIterator[Frame]:
        """Frames until the job ends; a slow consumer gets the newest, not a backlog.

        `view`: `play` (the frames in turn), `frame` (one, `index`), `sheet` (all, tiled) or `strip` (`count` of them).
        `format`: `raw` needs nothing to decode; `jpeg`, `webp` and `png` need Pillow. `max_fps`, `quality`, `width`.
        Raises NeuroreelError.
        """
        async with self.watch(frames=frame_view(view, format, options)) as watch:
            async for frame in watch.frames():
                self.record = cast(JobRecord, {**self.record, **(watch.record or {})})
                yield frame
            self.record = cast(JobRecord, {**self.record, **(watch.record or {})})

    async def events(self) -> AsyncIterator[Event]:
        """What happens until the job ends: messages of type state, progress, ended, error, connection."""
        async with self.watch() as watch:
            async for event in watch.events():
                if watch.record is not None:
                    self.record = cast(JobRecord, {**self.record, **watch.record})
                yield event

    async def wait(self, *, check: bool = True) -> JobRecord:
        """The job when it has ended. With `check`, one that failed raises why; one that was cancelled never does."""
        async for _ in self.events():
            pass
        record = await self.refresh()
        error = record.get("error")
        if check and error is not None:
            raise reported_error(error) or NeuroreelError("INTERNAL", "The job failed.")
        return record

    async def cancel(self) -> JobRecord:
        return await self._command("cancel")

    async def pause(self) -> JobRecord:
        return await self._command("pause")

    async def resume(self) -> JobRecord:
        return await self._command("resume")

    async def retry(self) -> JobRecord:
        """Puts a failed or cancelled job back into the queue."""
        return await self._command("retry")

    async def steer(self, **changes: Any) -> JobRecord:
        """Changes the job from its next iteration on: `rate`, `unit`, `penalties`."""
        return await self._command("steer", changes)

    async def delete(self) -> None:
        """Deletes the job, which must have ended, and all that it left."""
        await self._client._json("DELETE", self._path())

    async def artifacts(self) -> List[Artifact]:
        """The files that the job left."""
        return cast(List[Artifact], (await self._client._json("GET", self._path("/artifacts")))["artifacts"])

    async def artifact(self, name: str) -> bytes:
        """One of the files. Raises NeuroreelError (ARTIFACT_UNKNOWN)."""
        async with self._client._http.open("GET", self._path(f"/artifacts/{name}")) as response:
            return await response.aread()

    async def report(self) -> Any:
        """What is needed to make it again, and what was measured: `report.json`."""
        return await self._client._json("GET", self._path("/artifacts/report.json"))

    async def download(self, name: str, path: Union[None, str, Path] = None) -> Path:
        """Saves one of the files; to the working folder under its own name, if no path is given."""
        target = Path(name if path is None else path)
        await self._client._http.save(self._path(f"/artifacts/{name}"), target)
        return target

    def _path(self, rest: str = "") -> str:
        return f"v1/jobs/{self.id}{rest}"

    async def _command(self, name: str, body: Any = None) -> JobRecord:
        self.record = await self._client._json("POST", self._path(f"/{name}"), body=body)
        return self.record


def frame_view(view: str, format: str, options: Mapping[str, Any]) -> Dict[str, Any]:
    """The `frames` of a subscription; names of options are those of Python (`max_fps`) or of the protocol."""
    named = {"maxFps" if name == "max_fps" else name: value for name, value in options.items()}
    return {"view": view, "format": format, **named}


class AsyncClient:
    """A server.

    `token`: the secret that the server asks for. `reconnect`: `reconnect_seconds` (0.5), `longest_wait` (8) and
    `give_up_after` (never) of streams that are lost.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        token: Optional[str] = None,
        timeout: float = 60.0,
        **reconnect: Any,
    ) -> None:
        self._http = Http(url, token, timeout)
        self._reconnect = reconnect

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.close()

    async def submit(
        self,
        request: Optional[Request] = None,
        *,
        id: Optional[str] = None,
        idempotency_key: Optional[str] = None,
        **fields: Any,
    ) -> AsyncJob:
        """Submits a job: `submit(kind="video", unit="wave", frames=160)`.

        With an `id` of your own, or an `idempotency_key`, the same request again is the same job. When no answer comes,
        it is sent again twice, which is safe for that reason.
        Raises NeuroreelError: REQUEST_INVALID, MODEL_UNKNOWN, QUEUE_FULL, JOB_ID_TAKEN, ...
        """
        body = {**(request or {}), **fields}
        method, path = ("POST", "v1/jobs") if id is None else ("PUT", f"v1/jobs/{id}")
        headers = {"Idempotency-Key": idempotency_key or secrets.token_hex(16)} if id is None else None
        for wait in (*_SUBMIT_WAITS, None):
            try:
                return AsyncJob(self, await self._json(method, path, body=body, headers=headers))
            except NeuroreelError as error:
                if error.code != "SERVER_UNREACHABLE" or wait is None:
                    raise
                await asyncio.sleep(wait)
        raise AssertionError("not reached")

    async def job(self, id: str) -> AsyncJob:
        """A job by its id. Raises NeuroreelError (JOB_UNKNOWN)."""
        return AsyncJob(self, await self._json("GET", f"v1/jobs/{id}"))

    async def jobs(
        self,
        *,
        state: Union[None, str, Sequence[str]] = None,
        kind: Union[None, str, Sequence[str]] = None,
        model: Optional[str] = None,
        text: Optional[str] = None,
        parent: Optional[str] = None,
        limit: Optional[int] = None,
    ) -> List[AsyncJob]:
        """Jobs that fit, newest first; all of them, or `limit`."""
        params: Dict[str, Any] = {"state": _joined(state), "kind": _joined(kind), "model": model, "text": text}
        params["parent"] = parent
        found: List[AsyncJob] = []
        while True:
            left = None if limit is None else limit - len(found)
            if left is not None and left <= 0:
                return found
            params["limit"] = None if left is None else min(left, 1000)
            page = await self._json("GET", "v1/jobs", params=params)
            found += [AsyncJob(self, record) for record in page["jobs"]]
            if page["next"] is None:
                return found
            params["cursor"] = page["next"]

    async def models(self) -> List[Model]:
        """Installed models, with their labels."""
        return cast(List[Model], (await self._json("GET", "v1/models"))["models"])

    async def model(self, name: str) -> Model:
        """Raises NeuroreelError (MODEL_UNKNOWN)."""
        return cast(Model, await self._json("GET", f"v1/models/{name}"))

    async def clips(self) -> List[str]:
        """Names of the sets of clips that audits can be run on."""
        return cast(List[str], (await self._json("GET", "v1/clips"))["clips"])

    async def health(self) -> Dict[str, Any]:
        """How the server is."""
        return cast(Dict[str, Any], await self._json("GET", "healthz"))

    async def _json(self, method: str, path: str, **options: Any) -> Any:
        return await self._http.json(method, path, **options)


async def snapshot(job: AsyncJob, seconds: float) -> Optional[Frame]:
    """A sheet of a job that runs, if one comes within so many seconds."""
    if is_final(job.state):
        return None
    async with job.watch(frames={"view": "sheet", "format": "raw"}) as watch:
        try:
            return await asyncio.wait_for(watch.next_frame(), seconds)
        except (asyncio.TimeoutError, NeuroreelError):
            return None
