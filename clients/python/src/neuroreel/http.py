"""Requests to the server over HTTP: token, errors in one form, and the check of the protocol's version."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, AsyncIterator, Mapping, Optional
from urllib.parse import urlsplit

import httpx

from .errors import NeuroreelError, reported_error
from .protocol import PROTOCOL_HEADER, SUBPROTOCOL

DEFAULT_URL = "http://127.0.0.1:8160/"


class Http:
    """One server. `url` may have a path, when the server stands behind a proxy."""

    def __init__(self, url: str = DEFAULT_URL, token: Optional[str] = None, timeout: float = 60.0) -> None:
        if urlsplit(url).scheme not in ("http", "https"):
            raise ValueError(f"expected an http or https address, got {url!r}")
        self.base = httpx.URL(url if url.endswith("/") else f"{url}/")
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._client = httpx.AsyncClient(headers=headers, timeout=timeout)

    def address(self, path: str) -> httpx.URL:
        """The whole address of a path as the server names it."""
        return self.base.join(path.lstrip("/"))

    @asynccontextmanager
    async def open(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        params: Optional[Mapping[str, Any]] = None,
        headers: Optional[Mapping[str, str]] = None,
    ) -> AsyncIterator[httpx.Response]:
        """An answer that is no error, its body not read yet.

        Raises NeuroreelError: what the server reports; SERVER_UNREACHABLE; PROTOCOL_MISMATCH.
        """
        given = None if params is None else {name: value for name, value in params.items() if value is not None}
        request = self._client.build_request(method, self.address(path), json=body, params=given, headers=headers)
        try:
            response = await self._client.send(request, stream=True)
        except httpx.TransportError as error:
            raise self._unreachable() from error
        try:
            await self._check(response)
            yield response
        except httpx.TransportError as error:
            raise NeuroreelError("SERVER_UNREACHABLE", f"The connection to {self._origin} broke.") from error
        finally:
            await response.aclose()

    async def json(self, method: str, path: str, **options: Any) -> Any:
        """The same, as JSON; None when there is no body."""
        async with self.open(method, path, **options) as response:
            await response.aread()
            if response.status_code == 204:
                return None
            try:
                return response.json()
            except ValueError as error:
                raise NeuroreelError("PROTOCOL_MISMATCH", f"{response.url} did not answer in JSON.") from error

    async def save(self, path: str, target: Path) -> None:
        """Saves an answer; the file appears when it is complete."""
        partial = target.with_name(f"{target.name}.part")
        try:
            async with self.open("GET", path) as response:
                with partial.open("wb") as file:
                    async for part in response.aiter_bytes():
                        file.write(part)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)

    async def close(self) -> None:
        await self._client.aclose()

    @property
    def _origin(self) -> str:
        return f"{self.base.scheme}://{self.base.netloc.decode()}"

    def _unreachable(self) -> NeuroreelError:
        return NeuroreelError("SERVER_UNREACHABLE", f"No server answers at {self._origin}.")

    async def _check(self, response: httpx.Response) -> None:
        spoken = response.headers.get(PROTOCOL_HEADER)
        if spoken is not None and spoken != SUBPROTOCOL:
            raise NeuroreelError(
                "PROTOCOL_MISMATCH", f"The server at {self._origin} speaks {spoken[:100]}, this client {SUBPROTOCOL}."
            )
        if response.is_success:
            return
        await response.aread()
        try:
            body = response.json().get("error")
        except (ValueError, AttributeError):
            body = None
        wait = response.headers.get("Retry-After", "")
        retry_after = float(wait) if wait.isdigit() else None
        error = reported_error(body, status=response.status_code, retry_after=retry_after)
        if error is not None:
            raise error
        if 502 <= response.status_code <= 504:
            raise NeuroreelError(
                "SERVER_UNREACHABLE", f"{self._origin} answered {response.status_code}: the server is not there."
            )
        raise NeuroreelError(
            "PROTOCOL_MISMATCH",
            f"{response.url} answered {response.status_code}, and not as a neuroreel server does.",
        )
