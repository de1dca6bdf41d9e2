"""Tests of the Python client; `test/clients/python.test.ts` starts the servers and says where they are."""

import asyncio
import os
import tempfile
import unittest
from pathlib import Path

import numpy as np

from neuroreel import AsyncClient, AsyncJob, Client, NeuroreelError, decode_frame

URL = os.environ["NEUROREEL_URL"]
TOKEN_URL = os.environ["NEUROREEL_TOKEN_URL"]
TOKEN = os.environ["NEUROREEL_TOKEN"]

VIDEO = {"kind": "video", "model": "fixture", "unit": "steady", "frames": 8}
ENDLESS = {**VIDEO, "iterations": 100_000}


class TestJobs(unittest.TestCase):
    def setUp(self) -> None:
        self.client = Client(URL)
        self.addCleanup(self.client.close)

    def refused(self, code: str, work) -> NeuroreelError:
        with self.assertRaises(NeuroreelError) as raised:
            work()
        self.assertEqual(raised.exception.code, code)
        return raised.exception

    def running(self):
        job = self.client.submit(ENDLESS)
        self.addCleanup(job.cancel)
        for event in job.events():
            if event["type"] == "state" and event["job"]["state"] == "running":
                return job
        self.fail("the job did not run")

    def test_submitted_job_ends_and_leaves_files(self) -> None:
        job = self.client.submit(VIDEO, priority=3)
        record = job.wait()
        self.assertEqual((record["state"], record["priority"]), ("succeeded", 3))
        self.assertEqual(len(record["history"]["iterations"]), 5)
        self.assertIn("video.mp4", [artifact["name"] for artifact in job.artifacts()])
        self.assertEqual(job.artifact("video.mp4"), b"v" * 1000)
        self.assertIn("events", job.report())
        with tempfile.TemporaryDirectory() as folder:
            path = job.download("video.mp4", Path(folder, "mine.mp4"))
            self.assertEqual(path.read_bytes(), b"v" * 1000)
            self.refused("ARTIFACT_UNKNOWN", lambda: job.download("none", Path(folder, "none")))
            self.assertEqual([found.name for found in Path(folder).iterdir()], ["mine.mp4"])
        self.assertIn("succeeded", job._repr_html_())
        job.delete()
        self.refused("JOB_UNKNOWN", job.refresh)
        self.refused("JOB_UNKNOWN", job.wait)

    def test_same_id_or_key_is_the_same_job(self) -> None:
        first = self.client.submit(VIDEO, id="py-mine")
        self.assertEqual(self.client.submit(VIDEO, id="py-mine").id, first.id)
        self.refused("JOB_ID_TAKEN", lambda: self.client.submit(VIDEO, id="py-mine", seed=2))
        keyed = self.client.submit(VIDEO, idempotency_key="py-key")
        self.assertEqual(self.client.submit(VIDEO, idempotency_key="py-key").id, keyed.id)
        self.assertNotEqual(self.client.submit(VIDEO).id, keyed.id)
        self.assertIn("py-mine", [job.id for job in self.client.jobs(text="py-mine")])
        self.assertEqual(len(self.client.jobs(kind=["video", "image"], limit=2)), 2)

    def test_failed_job_raises_why(self) -> None:
        job = self.client.submit(VIDEO, unit="stays-out")
        error = self.refused("MODEL_INVALID", job.wait)
        self.assertIn("truncated", str(error))
        self.assertNotEqual(error.remedy, "")
        self.assertEqual(job.wait(check=False)["state"], "failed")

    def test_wrong_request_names_the_field(self) -> None:
        error = self.refused("REQUEST_INVALID", lambda: self.client.submit(VIDEO, frames=0))
        self.assertEqual((error.status, error.details[0]["field"]), (400, "frames"))

    def test_commands(self) -> None:
        job = self.running()
        job.pause()
        states = (event["job"]["state"] for event in job.events() if event["type"] == "state")
        self.assertIn("paused", states)
        job.resume()
        self.assertEqual(job.steer(rate=0.5)["steering"][0]["change"], {"rate": 0.5})
        job.cancel()
        self.assertEqual(job.wait()["state"], "canceled")
        self.refused("JOB_STATE_CONFLICT", job.pause)
        self.assertIn(job.retry()["state"], ("queued", "starting"))

    def test_frames_are_arrays(self) -> None:
        job = self.running()
        for frame in job.frames("frame", index=5, width=8, max_fps=30):
            self.assertEqual((frame.kind, frame.index, frame.columns), ("frame", 5, 1))
            pixels = np.asarray(frame)
            self.assertEqual((pixels.shape, pixels.dtype), ((6, 8, 3), np.uint8))
            # The fixture paints the number of the frame into the green channel.
            self.assertTrue((pixels[:, :, 1] == 100).all())
            self.assertEqual(frame.activation, frame.step / 2)
            self.assertTrue(frame._repr_png_().startswith(b"\x89PNG"))
            break
        for frame in job.frames("sheet"):
            tiles = frame.tiles
            self.assertEqual(tiles.shape, (8, 12, 16, 3))
            self.assertEqual([int(tile[0, 0, 1]) for tile in tiles], [20 * index for index in range(8)])
            break
        self.assertIn("data:image/png;base64,", job._repr_html_())
        self.assertIn("<progress", job._repr_html_())

    def test_encoded_frames_are_decoded_by_pillow(self) -> None:
        job = self.running()
        for codec in ("jpeg", "webp", "png"):
            for frame in job.frames("strip", format=codec, count=3):
                self.assertEqual((frame.codec, frame.columns), (codec, 3))
                try:
                    import PIL  # noqa: F401
                except ImportError:
                    self.assertRaises(NeuroreelError, lambda: frame.pixels)
                else:
                    self.assertEqual(frame.tiles.shape, (3, 12, 16, 3))
                    self.assertLess(abs(int(frame.tiles[2, 6, 8, 1]) - 140), 12)
                break

    def test_frames_end_with_the_job(self) -> None:
        job = self.running()
        steps = []
        for frame in job.frames("play", max_fps=60):
            steps.append(frame.step)
            if len(steps) == 3:
                job.cancel()
        self.assertGreaterEqual(len(steps), 3)
        self.assertEqual(job.state, "canceled")

    def test_slow_consumer_gets_the_newest_frame_and_all_events(self) -> None:
        async def slowly(job: AsyncJob) -> None:
            async with job.watch(frames={"view": "frame", "format": "raw"}) as watch:
                first = await watch.next_frame()
                while watch.dropped < 3:
                    await asyncio.sleep(0.01)
                newest = watch.last_frame
                self.assertIs(await watch.next_frame(), newest)
                self.assertGreater(newest.step, first.step)
                await job.cancel()
                iterations = [e["progress"]["iteration"] async for e in watch.events() if e["type"] == "progress"]
                self.assertEqual(iterations, list(range(iterations[0], iterations[0] + len(iterations))))

        async def work() -> None:
            async with AsyncClient(URL) as client:
                job = await client.submit(ENDLESS)
                try:
                    await slowly(job)
                finally:
                    await job.cancel()

        asyncio.run(work())

    def test_show_prints_lines_outside_a_notebook(self) -> None:
        import contextlib
        import io

        job = self.client.submit(VIDEO)
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            job.show(every=0.01)
        self.assertIn("video steady fixture: succeeded", said.getvalue().splitlines()[-1])

    def test_models_and_health(self) -> None:
        self.assertEqual([model["name"] for model in self.client.models()], ["fixture", "fixture-prior"])
        self.assertEqual(self.client.model("fixture")["kind"], "recogniser")
        self.refused("MODEL_UNKNOWN", lambda: self.client.model("none"))
        self.assertEqual(self.client.clips(), [])
        self.assertEqual(self.client.health()["protocol"], "neuroreel.v1")

    def test_interrupt_leaves_the_client_usable(self) -> None:
        job = self.running()
        frames = job.frames()
        next(frames)
        frames.close()
        self.assertEqual(self.client.health()["status"], "ok")


class TestAccess(unittest.TestCase):
    def test_right_token(self) -> None:
        with Client(TOKEN_URL, token=TOKEN) as client:
            self.assertEqual(client.submit(VIDEO).wait()["state"], "succeeded")

    def test_wrong_and_missing_token(self) -> None:
        for token in (None, "wrong"):
            with Client(TOKEN_URL, token=token) as client:
                with self.assertRaises(NeuroreelError) as raised:
                    client.submit(VIDEO)
                self.assertEqual(raised.exception.code, "TOKEN_REQUIRED")
                self.assertIn("token", raised.exception.message)


class TestOthers(unittest.TestCase):
    def asked(self, url: str, ask) -> NeuroreelError:
        with Client(url) as client, self.assertRaises(NeuroreelError) as raised:
            ask(client)
        return raised.exception

    def test_server_of_another_version(self) -> None:
        error = self.asked(os.environ["NEUROREEL_NEXT_URL"], lambda client: client.job("a"))
        self.assertEqual(error.code, "PROTOCOL_MISMATCH")
        self.assertIn("speaks neuroreel.v2", str(error))

    def test_stream_of_another_version(self) -> None:
        async def watch() -> None:
            async with AsyncClient(os.environ["NEUROREEL_NEXT_STREAM_URL"]) as client:
                await AsyncJob(client, {"id": "a", "state": "running"}).wait()

        with self.assertRaises(NeuroreelError) as raised:
            asyncio.run(watch())
        self.assertEqual(raised.exception.code, "PROTOCOL_MISMATCH")
        self.assertIn("speaks neuroreel.v2", str(raised.exception))

    def test_web_server(self) -> None:
        error = self.asked(os.environ["NEUROREEL_WEB_URL"], lambda client: client.models())
        self.assertEqual(error.code, "PROTOCOL_MISMATCH")

    def test_nothing(self) -> None:
        error = self.asked("http://127.0.0.1:9/", lambda client: client.health())
        self.assertEqual(error.code, "SERVER_UNREACHABLE")
        self.assertRaises(ValueError, lambda: Client("ftp://127.0.0.1/"))

    def test_frames_that_are_none(self) -> None:
        for message in (b"short", bytes(32), bytes([2, 1, 1, 0]) + bytes(40)):
            with self.assertRaises(NeuroreelError) as raised:
                decode_frame("a", message)
            self.assertEqual(raised.exception.code, "PROTOCOL_MISMATCH")


if __name__ == "__main__":
    unittest.main(verbosity=2)
