"""A watched job: its events and frames over a WebSocket that comes back by itself."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import deque
from typing import Any, AsyncIterator, Deque, Dict, Optional

import websockets
from websockets.exceptions import ConnectionClosed, WebSocketException

from .errors import NeuroreelError, reported_error
from .frames import Frame, decode_frame
from .http import Http
from .protocol import STREAM_PATH, SUBPROTOCOL, Event, JobRecord

#: Largest message that is taken: a sheet of raw frames.
_MAX_MESSAGE_BYTES = 512 * 1024 * 1024
#: Events that may wait before the oldest of type progress go.
_MOST_WAITING = 1024
_GOOD_AFTER_SECONDS = 5.0


class Watch:
    """A job that is watched. Events all come, in order; of frames only the newest is kept for a slow consumer."""

    def __init__(
        self,
        http: Http,
        job: str,
        *,
        frames: Optional[Dict[str, Any]] = None,
        replay: Optional[Dict[str, Any]] = None,
        reconnect_seconds: float = 0.5,
        longest_wait: float = 8.0,
        give_up_after: Optional[float] = None,
    ) -> None:
        self.job = job
        #: The job as it was last heard of.
        self.record: Optional[JobRecord] = None
        self.last_frame: Optional[Frame] = None
        self._http = http
        self._view = frames
        self._replay = replay
        self._reconnect_seconds = reconnect_seconds
        self._longest_wait = longest_wait
        self._give_up_after = give_up_after
        self._cursor: Optional[str] = None
        self._stream: Optional[int] = None
        self._events: Deque[Event] = deque()
        self._frame: Optional[Frame] = None
        self._news = asyncio.Event()
        self._over = False
        self._error: Optional[NeuroreelError] = None
        self._live = False
        self._dropped_here = 0
        self._dropped_there = 0
        self._task = asyncio.ensure_future(self._run())

    @property
    def dropped(self) -> int:
        """Frames that were missed, because the network or the consumer was too slow."""
        return self._dropped_here + self._dropped_there

    async def __aenter__(self) -> Watch:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Stops watching; the job goes on."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._finish()

    async def next_event(self) -> Optional[Event]:
        """The next event; None after the last. Raises NeuroreelError when the watch failed."""
        while not self._events:
            if self._over:
                self._raise_failure()
                return None
            await self._wait()
        return self._events.popleft()

    async def next_frame(self) -> Optional[Frame]:
        """The newest frame that was not taken yet; None after the last. Raises NeuroreelError when the watch failed."""
        while self._frame is None:
            if self._over:
                self._raise_failure()
                return None
            await self._wait()
        frame, self._frame = self._frame, None
        return frame

    async def events(self) -> AsyncIterator[Event]:
        """All events until the job ends."""
        while (event := await self.next_event()) is not None:
            yield event

    async def frames(self) -> AsyncIterator[Frame]:
        """Frames until the job ends."""
        while (frame := await self.next_frame()) is not None:
            yield frame

    # --- from the consumer's side ---

    async def _wait(self) -> None:
        self._news.clear()
        await self._news.wait()

    def _raise_failure(self) -> None:
        if self._error is not None:
            raise self._error

    # --- from the socket's side ---

    def _finish(self, error: Optional[NeuroreelError] = None) -> None:
        if not self._over:
            self._over = True
            self._error = error
        self._news.set()

    def _tell(self, event: Event) -> None:
        self._events.append(event)
        if len(self._events) > _MOST_WAITING:
            for index, waiting in enumerate(self._events):
                if waiting["type"] == "progress":
                    del self._events[index]
                    break
        self._news.set()

    async def _run(self) -> None:
        """Connects again and again, until the job has ended or something is wrong that stays so."""
        ever = False
        failures = 0
        lost_at = time.monotonic()
        while not self._over:
            opened_at = time.monotonic()
            self._live = False
            try:
                await self._session()
                error = NeuroreelError("SERVER_UNREACHABLE", "The connection was closed.")
            except NeuroreelError as reported:
                error = reported
            except (WebSocketException, OSError, asyncio.TimeoutError) as cause:
                error = NeuroreelError("SERVER_UNREACHABLE", f"The stream broke: {cause}.")
                error.__cause__ = cause
            if self._over:
                return
            if self._live:
                ever = True
                lost_at = time.monotonic()
            impatient = self._give_up_after is not None and time.monotonic() - lost_at > self._give_up_after
            if not ever or error.is_lasting or error.code == "JOB_UNKNOWN" or impatient:
                self._finish(error)
                return
            lasted = self._live and time.monotonic() - opened_at > _GOOD_AFTER_SECONDS
            failures = 1 if lasted else failures + 1
            wait = min(self._longest_wait, self._reconnect_seconds * 2 ** min(30, failures - 1))
            # Many clients that lost the same server do not come back in the same moment.
            wait = max(wait * random.uniform(0.5, 1.0), error.retry_after or 0.0)
            self._tell({"type": "connection", "state": "lost", "error": error, "retry_in": wait})
            await asyncio.sleep(wait)

    async def _session(self) -> None:
        """One connection from beginning to end."""
        ticket = (await self._http.json("POST", "v1/tickets"))["ticket"]
        address = self._http.address(STREAM_PATH).copy_merge_params({"ticket": ticket})
        url = str(address.copy_with(scheme="wss" if address.scheme == "https" else "ws"))
        async with websockets.connect(  # type: ignore[attr-defined,unused-ignore]
            url,
            subprotocols=[SUBPROTOCOL],  # type: ignore[list-item,unused-ignore]
            compression=None,
            max_size=_MAX_MESSAGE_BYTES,
            open_timeout=20,
            close_timeout=1,
        ) as socket:
            if socket.subprotocol != SUBPROTOCOL:
                raise NeuroreelError(
                    "PROTOCOL_MISMATCH", f"The stream speaks {socket.subprotocol or 'no subprotocol'}, not {SUBPROTOCOL}."
                )
            try:
                async for message in socket:
                    if isinstance(message, bytes):
                        self._show(message)
                    elif await self._hear(socket, message):
                        return
            except ConnectionClosed:
                return

    def _show(self, message: bytes) -> None:
        run = (self.record or {}).get("run") or {}
        frame = decode_frame(self.job, message, run.get("frames"))
        if frame.stream != self._stream:
            return
        if self._frame is not None:
            self._dropped_here += 1
        self._frame = self.last_frame = frame
        self._news.set()

    async def _hear(self, socket: Any, text: str) -> bool:
        """Takes a text message; whether it was the last."""
        try:
            message = json.loads(text)
            kind = message["type"]
        except (ValueError, TypeError, KeyError) as error:
            raise NeuroreelError("PROTOCOL_MISMATCH", "The stream sent a text that is no message.") from error
        if kind == "hello":
            await self._subscribe(socket, message)
        elif kind == "error":
            failure = reported_error(message.get("error")) or NeuroreelError("PROTOCOL_MISMATCH", "An error without code.")
            # The number of the subscription, which is the only message that is sent.
            if message.get("re") == 1:
                self._finish(failure)
                return True
            self._tell({"type": "error", "error": failure})
        elif kind in ("state", "progress", "ended"):
            self._take(message)
        return self._over

    async def _subscribe(self, socket: Any, hello: Dict[str, Any]) -> None:
        if hello.get("protocol") != SUBPROTOCOL:
            raise NeuroreelError("PROTOCOL_MISMATCH", f"The server speaks {hello.get('protocol')}, not {SUBPROTOCOL}.")
        self._live = True
        self._tell({"type": "connection", "state": "live"})
        wanted = {"frames": self._view, "replay": self._replay, "cursor": self._cursor}
        given = {name: value for name, value in wanted.items() if value is not None}
        await socket.send(json.dumps({"type": "subscribe", "job": self.job, "re": 1, **given}))

    def _take(self, message: Event) -> None:
        if message["type"] == "state":
            self._stream = message["stream"]
            self._cursor = message["cursor"]
            self.record = message["job"]
        elif message["type"] == "progress" and self.record is not None:
            self.record = {**self.record, "progress": message["progress"]}
        self._dropped_there = message.get("dropped", self._dropped_there)
        self._tell(message)
        if message["type"] == "ended":
            self._finish()
