"""Forks writers that record at full speed, kills each at a random moment, and tells what they said.

    python kills.py FOLDER COUNT

Prints one line of JSON for each: its file, how many facts it said were on the disk.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import sys
import time
from pathlib import Path

from parametry.core.facts import Happened, Points
from parametry.recording.home import new_run
from parametry.recording.store.writer import Writer

LONGEST = 0.12  # seconds that a writer lives at most
BETWEEN = 700  # facts between two times that it waits for the disk


def write(said: int, path: Path, name: str) -> None:
    """Record for ever; after each time that all was on the disk, say how many facts that were."""
    writer = Writer(path, name, script=None, command=[], started=time.time())
    os.write(said, b"0\n")
    number = 0
    while True:
        for _ in range(BETWEEN):
            if number % 7 == 3:
                writer.put(Happened("note", number, None, float(number), None, str(number)))
            else:
                per = "epoch" if number % 11 == 5 else "step"
                writer.put(Points(per, number, None, float(number), {"loss": number / 3}))
            number += 1
        if writer.flush():
            os.write(said, f"{number}\n".encode())


def main(folder: Path, count: int) -> None:
    moments = random.Random(0)
    for _ in range(count):
        path, name = new_run(home=folder)
        heard, said = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                write(said, path, name)
            finally:
                os._exit(1)
        os.close(said)
        words = b""
        end = time.monotonic() + moments.uniform(0.0, LONGEST)
        while (left := end - time.monotonic()) > 0:
            if select.select([heard], [], [], left)[0]:
                words += os.read(heard, 4096)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), f"a writer ended by itself with {status}"
        while more := os.read(heard, 4096):
            words += more
        os.close(heard)
        whole = words.rpartition(b"\n")[0].split()
        acknowledged = int(whole[-1]) if whole else None
        print(json.dumps({"file": str(path), "acknowledged": acknowledged}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
