"""Errors: those that a server reports, and those that the client finds out by itself, in one form."""

from __future__ import annotations

from typing import Any, Mapping, Optional

_OWN = {
    "SERVER_UNREACHABLE": "Check the address, and that the server runs (`neuroreel serve`).",
    "PROTOCOL_MISMATCH": "Check the address; use a client of the same version as the server.",
    "IMAGE_UNREADABLE": "Ask for frames of format `raw`, or install Pillow.",
}

# After these it is of no use to connect again.
_LASTING = frozenset(
    {
        "PROTOCOL_MISMATCH",
        "TOKEN_REQUIRED",
        "SCOPE_REQUIRED",
        "HOST_REFUSED",
        "ORIGIN_REFUSED",
        "SUBPROTOCOL_UNSUPPORTED",
    }
)


class NeuroreelError(Exception):
    """An error with a stable `code` (docs/errors.md lists them), what is wrong (`message`), what to do (`remedy`)."""

    def __init__(
        self,
        code: str,
        message: str,
        remedy: Optional[str] = None,
        *,
        status: int = 0,
        details: Any = None,
        retry_after: Optional[float] = None,
    ) -> None:
        self.code = code
        self.message = message
        self.remedy = _OWN.get(code, "") if remedy is None else remedy
        #: HTTP status of the answer; 0 when it did not come over HTTP.
        self.status = status
        #: More for programs; depends on the code.
        self.details = details
        #: Seconds after which it is worth while to ask again, if the server said so.
        self.retry_after = retry_after
        super().__init__(f"{code}: {message} {self.remedy}".rstrip())

    @property
    def is_lasting(self) -> bool:
        """Whether the error stays if the same is tried again."""
        return self.code in _LASTING


def reported_error(body: Any, *, status: int = 0, retry_after: Optional[float] = None) -> Optional[NeuroreelError]:
    """What a server reported; None when `body` has not the form of an error."""
    if not isinstance(body, Mapping) or not isinstance(body.get("code"), str):
        return None
    return NeuroreelError(
        body["code"],
        str(body.get("message", "")),
        str(body.get("remedy", "")),
        status=status,
        details=body.get("details"),
        retry_after=retry_after,
    )
