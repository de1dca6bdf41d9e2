"""How a job looks in a notebook: its state, its progress, its newest picture."""

from __future__ import annotations

import base64
import html
import sys
import time
from typing import TYPE_CHECKING, Any, Iterator, Optional, Union

from .frames import Frame
from .protocol import JobRecord, is_final

if TYPE_CHECKING:
    from .sync import Job

Picture = Union[None, Frame, bytes]

_BAR = "width:20em;max-width:100%"


def words_of(record: JobRecord) -> str:
    """A job in one line: `video wave: running, 12 of 200, activation 5.3, 41 s left`."""
    request = record.get("request", {})
    what = " ".join(str(request[name]) for name in ("kind", "unit", "model") if request.get(name) is not None)
    words = [f"{what}: {record['state']}"]
    progress = record.get("progress")
    if progress:
        words.append(f"{progress['iteration']} of {progress['iterations']}")
        words.append(f"activation {progress['activation']:.3g}")
        if not is_final(record["state"]):
            words.append(f"{progress['etaSeconds']:.0f} s left")
    error = record.get("error")
    if error:
        words.append(f"{error.get('code')}: {error.get('message')} {error.get('remedy')}")
    return ", ".join(words)


def html_of(record: JobRecord, picture: Picture = None) -> str:
    """A job as HTML that stands for itself."""
    parts = [f"<div><b>{html.escape(record['id'])}</b> {html.escape(words_of(record))}</div>"]
    progress = record.get("progress")
    if progress and not is_final(record["state"]):
        label = f"{progress['iteration']} of {progress['iterations']} iterations"
        value = f'value="{progress["iteration"]}" max="{progress["iterations"]}"'
        parts.append(f'<progress {value} aria-label="{label}" style="{_BAR}"></progress>')
    data = picture._repr_png_() if isinstance(picture, Frame) else picture
    if data is not None:
        source = f"data:{_media_type(data)};base64,{base64.b64encode(data).decode()}"
        parts.append(f'<div><img src="{source}" alt="The newest picture of the job" style="max-width:100%"></div>')
    return "".join(parts)


def _media_type(data: bytes) -> str:
    if data.startswith(b"\xff\xd8"):
        return "image/jpeg"
    if data.startswith(b"RIFF"):
        return "image/webp"
    return "image/png"


def _notebook() -> Optional[Any]:
    """IPython's display, where it can show more than text."""
    if "IPython" not in sys.modules:
        return None
    from IPython import get_ipython  # type: ignore[import-not-found,unused-ignore]
    from IPython.display import HTML, display  # type: ignore[import-not-found,unused-ignore]

    shell = get_ipython()
    if shell is None or not hasattr(shell, "kernel"):
        return None
    return lambda text, handle: (
        display(HTML(text), display_id=True) if handle is None else (handle.update(HTML(text)), handle)[1]
    )


def show(job: Job, news: Iterator[Optional[Frame]], every: float) -> None:
    """Shows a job again at each piece of news, at most once in `every` seconds, and at its end."""
    put = _notebook()
    handle: Any = None
    last = ""
    shown_at = 0.0
    for picture in news:
        if time.monotonic() - shown_at < every:
            continue
        shown_at = time.monotonic()
        if put is not None:
            handle = put(html_of(job.record, picture), handle)
        elif words_of(job.record) != last:
            last = words_of(job.record)
            print(last)
    if put is not None:
        put(html_of(job.record, job.picture()), handle)
    else:
        print(words_of(job.record))
