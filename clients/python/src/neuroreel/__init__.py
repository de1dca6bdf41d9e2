"""Client of neuroreel.

    from neuroreel import Client

    with Client() as client:
        job = client.submit(kind="video", unit="wave", frames=160)
        for frame in job.frames("sheet"):
            print(frame.step, frame.activation, frame.tiles.shape)
        job.download("video.mp4")

Public is what `__all__` names. `AsyncClient` is the same with `await`.
"""

from .aio import AsyncClient, AsyncJob
from .errors import NeuroreelError
from .frames import Frame, decode_frame
from .protocol import FINAL_STATES, SUBPROTOCOL, Artifact, Event, JobRecord, Model, Progress, is_final
from .stream import Watch
from .sync import Client, Job

__version__ = "0.1.0"

__all__ = [
    "FINAL_STATES",
    "SUBPROTOCOL",
    "Artifact",
    "AsyncClient",
    "AsyncJob",
    "Client",
    "Event",
    "Frame",
    "Job",
    "JobRecord",
    "Model",
    "NeuroreelError",
    "Progress",
    "Watch",
    "decode_frame",
    "is_final",
]
