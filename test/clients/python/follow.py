"""Follows a job over restarts of its server, and says what it hears: `lost`, `live`, states, and at last a frame's step."""

import os
import sys

from neuroreel import Client

with Client(os.environ["NEUROREEL_URL"], reconnect_seconds=0.05, longest_wait=0.2) as client:
    job = client.job(sys.argv[1])
    for event in job.events():
        if event["type"] == "state":
            print(event["job"]["state"], flush=True)
        else:
            print(event["state"] if event["type"] == "connection" else event["type"], flush=True)
    print(job.wait(check=False)["state"], flush=True)
