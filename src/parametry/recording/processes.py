"""Processes: which one this is, whether one still runs, and which of several is the first."""

from __future__ import annotations

import functools
import json
import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Process", "is_first_process", "this_process"]

# In the order in which launchers set them: torchrun and Accelerate, SLURM, Open MPI, MPICH and
# Intel MPI, MVAPICH.
_RANKS = (
    "RANK",
    "SLURM_PROCID",
    "OMPI_COMM_WORLD_RANK",
    "PMI_RANK",
    "PMIX_RANK",
    "MV2_COMM_WORLD_RANK",
)


@dataclass(frozen=True, slots=True)
class Process:
    """One process, told from any other that gets its number later.

    Attributes:
        host: The host's name.
        number: The process id.
        started: When it began, as its system counts; empty where that cannot be asked.
    """

    host: str
    number: int
    started: str

    @property
    def alive(self) -> bool:
        """Whether it still runs; true where that cannot be known, as of another host's."""
        if self.host != socket.gethostname():
            return True
        if sys.platform == "win32":
            return True
        try:
            os.kill(self.number, 0)
        except ProcessLookupError:
            return False
        except (OSError, OverflowError):  # it is another user's
            pass
        return self.started in ("", _started(self.number))


def this_process() -> Process:
    """This very process."""
    return Process(socket.gethostname(), os.getpid(), _started(os.getpid()))


def _started(number: int) -> str:
    """The boot of the system and the clock tick at which a process began; Linux alone tells."""
    try:
        line = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
    # The second field is the program's name in brackets, which may hold anything; see proc(5).
    fields = line.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else f"{boot}/{fields[19]}"


def is_first_process() -> bool:
    """Whether this is the process that records, of the several that a training may have.

    Launchers tell by environment variables; JAX and torch are asked where they are loaded and set
    up already. Nothing is imported, and nothing is set up.
    """
    for name in _RANKS:
        rank = os.environ.get(name, "")
        if rank.isdecimal():
            return int(rank) == 0
    told = _tensorflow_task(os.environ.get("TF_CONFIG", ""))
    if told is not None:
        return told
    return _jax_index() == 0 and _torch_rank() == 0


@functools.lru_cache(maxsize=1)
def _tensorflow_task(config: str) -> bool | None:
    """Whether ``TF_CONFIG`` makes this process the chief; None where it tells nothing.

    The chief is the task of that type, else the first worker:
    https://www.tensorflow.org/guide/distributed_training#setting_up_the_tf_config_environment_variable
    """
    try:
        data = json.loads(config)
        cluster, task = data["cluster"], data["task"]
        kind, index = task["type"], int(task["index"])
        chief = next((name for name in ("chief", "master") if name in cluster), "worker")
    except (ValueError, KeyError, TypeError):
        return None
    return bool(kind == chief and index == 0)


def _jax_index() -> int:
    # jax.process_index() would set up the backends; the client that it asks is there only after
    # jax.distributed.initialize.
    distributed: Any = sys.modules.get("jax._src.distributed")
    state = getattr(distributed, "global_state", None)
    if getattr(state, "client", None) is None:
        return 0
    index = getattr(state, "process_id", 0)
    return index if isinstance(index, int) else 0


def _torch_rank() -> int:
    torch: Any = sys.modules.get("torch.distributed")
    try:
        if torch is None or not torch.is_available() or not torch.is_initialized():
            return 0
        return int(torch.get_rank())
    except Exception:  # half imported, or of a version that asks otherwise
        return 0
