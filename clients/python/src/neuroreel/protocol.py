"""Names of the protocol, and the types of what comes over it. docs/protocol.md describes them in full."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, TypedDict, Union

SUBPROTOCOL = "neuroreel.v1"
PROTOCOL_HEADER = "Neuroreel-Protocol"
STREAM_PATH = "v1/stream"
FINAL_STATES = ("succeeded", "failed", "canceled")

#: A request for a job, as `POST /v1/jobs` takes it.
Request = Dict[str, Any]


class Progress(TypedDict, total=False):
    iteration: int
    iterations: int
    activation: float
    smoothness: float
    secondsPerIteration: float
    etaSeconds: float
    framesEncoded: int
    framesToEncode: int
    audit: Dict[str, Any]


class ErrorBody(TypedDict, total=False):
    code: str
    message: str
    remedy: str
    details: Any


class History(TypedDict):
    iterations: List[int]
    activations: List[float]


class JobRecord(TypedDict, total=False):
    """A job as the server tells of it."""

    id: str
    request: Request
    state: str
    priority: int
    parent: Optional[str]
    batch: Optional[Dict[str, int]]
    steering: List[Dict[str, Any]]
    createdAt: str
    updatedAt: str
    startedAt: Optional[str]
    endedAt: Optional[str]
    run: Optional[Dict[str, Any]]
    progress: Optional[Progress]
    error: Optional[ErrorBody]
    events: List[Dict[str, str]]
    history: History


class Artifact(TypedDict):
    name: str
    bytes: int
    type: str
    sha256: str
    url: str


class Model(TypedDict, total=False):
    name: str
    kind: str
    title: str
    labels: List[str]
    input: Dict[str, int]
    licence: str
    default: Dict[str, Union[int, str]]
    sha256: str


#: What happens about a job: a message of the stream with `type` state, progress, ended or error, or one with
#: `type` connection and `state` live or lost.
Event = Dict[str, Any]


def is_final(state: str) -> bool:
    """Whether a job does not leave this state any more."""
    return state in FINAL_STATES
