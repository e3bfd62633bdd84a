"""Where runs live: names, files, which process records, and the index that may be lost."""

from __future__ import annotations

import datetime
import json
import os
import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parametry.core.facts import Points
from parametry.errors import RunMissing, StoreError
from parametry.recording.home import find, home_folder, is_first_process, names, new_run
from parametry.recording.index import FILE
from parametry.recording.names import WORDS, clean, proposals
from parametry.recording.processes import Process, this_process
from parametry.recording.run import Run
from parametry.recording.runs import Runs, runs
from parametry.recording.store.writer import Writer

Recorded = Callable[..., Run]
PATTERN = re.compile(r"\d{4}-\d\d-\d\d-[a-z0-9_-]+-[a-z]+(-\d+)?")

# ---------------------------------------------------------------- names


def test_a_name_is_date_script_and_word() -> None:
    when = datetime.datetime(2026, 11, 22, 12, 0).timestamp()
    first = next(proposals("/home/me/Digits v2.py", when))
    assert first.startswith("2026-11-22-digits-v2-")
    assert first.rpartition("-")[2] in WORDS
    assert next(proposals(None, when)).startswith("2026-11-22-session-")
    assert next(proposals("/…/層.py", when)).startswith("2026-11-22-session-")


@given(st.text(), st.floats(0, 4e9))
def test_every_name_is_safe_as_a_file(script: str, when: float) -> None:
    for name in islice(proposals(script, when), 7):
        assert PATTERN.fullmatch(name)
        assert len(name) < 80
        assert clean(name).startswith(name[:40].strip("-_"))


def test_names_without_end_are_all_different() -> None:
    assert len(set(list(islice(proposals("a.py", 0.0), 4, 60)))) == 56


def test_drawing_a_name_leaves_the_programs_random_numbers() -> None:
    import random

    import numpy as np

    before = random.getstate(), str(np.random.get_state())
    next(proposals("a.py", 0.0))
    assert (random.getstate(), str(np.random.get_state())) == before


def test_no_two_runs_get_one_file(home: Path) -> None:
    found: list[tuple[Path, str]] = []
    at_once = threading.Barrier(8)

    def begin() -> None:
        at_once.wait()
        found.extend(new_run("sweep") for _ in range(5))

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {name for _, name in found} == {"sweep", *(f"sweep-{n}" for n in range(2, 41))}
    assert len({path for path, _ in found}) == 40


def test_a_name_that_somebody_gives_is_made_safe(home: Path) -> None:
    assert new_run("../../My Run!")[1] == "my-run"
    assert new_run("...")[1] == "run"


def test_a_new_home_is_no_part_of_a_repository(home: Path) -> None:
    new_run()
    assert (home / ".gitignore").read_text() == "*\n"
    (home / ".gitignore").unlink()
    new_run()
    assert not (home / ".gitignore").exists()


def test_home_is_the_environments_or_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PARAMETRY_HOME", raising=False)
    assert home_folder() == tmp_path / ".parametry"
    monkeypatch.setenv("PARAMETRY_HOME", "elsewhere")
    assert home_folder() == tmp_path / "elsewhere"
    assert home_folder("given") == tmp_path / "given"


@pytest.mark.parametrize("folder", ["file/home", "/proc/parametry"])
def test_where_nothing_can_be_written_the_hint_helps(tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="no run can be kept in") as caught:
        new_run(home=tmp_path / folder)
    assert "PARAMETRY_HOME" in str(caught.value)


# ---------------------------------------------------------------- finding


def test_a_run_is_found_by_name_and_by_path(recorded: Recorded, tmp_path: Path) -> None:
    run = recorded(name="first")
    assert find("first") == find("first.sqlite") == find(run.path) == run.path
    copy = tmp_path / "copy.sqlite"
    copy.write_bytes(run.path.read_bytes())
    assert find(str(copy)) == copy
    assert names() == ["first"]


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "nul\0", "x" * 300, "run:first"])
def test_what_is_no_name_is_missing(recorded: Recorded, name: str) -> None:
    recorded(name="first")
    with pytest.raises(RunMissing):
        find(name)


def test_a_wrong_name_gets_the_nearest(recorded: Recorded, home: Path) -> None:
    with pytest.raises(RunMissing, match="there are no runs"):
        find("digits")
    for name in ("2026-11-22-digits-amber", "2026-11-22-faces-birch"):
        recorded(name=name)
    with pytest.raises(RunMissing) as caught:
        find("2026-11-22-digit-amber")
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("nearest: 2026-11-22-digits-amber")
    with pytest.raises(RunMissing, match=r"nearest: 2026-11-22-faces-birch$"):
        find("faces")
    with pytest.raises(FileNotFoundError, match="there are 2, the last of them"):
        find("zzzz")


# ---------------------------------------------------------------- processes


def test_this_process_lives_and_others_with_its_number_do_not() -> None:
    here = this_process()
    assert here.alive
    assert not Process(here.host, here.number, "another start").alive
    assert Process("another host", here.number, "another start").alive
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    assert not Process(here.host, done.pid, here.started).alive
    assert Process(here.host, here.number, "").alive  # where starts are not told


def test_a_dead_child_that_nobody_has_asked_for_is_gone() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    try:
        assert not Process(this_process().host, child, "its start").alive
    finally:
        os.waitpid(child, 0)


RANKS = ["RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK"]


def task(kind: str, index: int, *kinds: str) -> str:
    cluster = {name: ["host:1"] for name in kinds}
    return json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})


@pytest.mark.parametrize(
    ("variables", "first"),
    [
        ({}, True),
        *(({name: "0"}, True) for name in RANKS),
        *(({name: "3"}, False) for name in RANKS),
        ({"RANK": "nonsense"}, True),
        ({"RANK": "0", "SLURM_PROCID": "1"}, True),
        ({"TF_CONFIG": task("worker", 0, "worker")}, True),
        ({"TF_CONFIG": task("worker", 1, "worker")}, False),
        ({"TF_CONFIG": task("worker", 0, "chief", "worker")}, False),
        ({"TF_CONFIG": task("chief", 0, "chief", "worker")}, True),
        ({"TF_CONFIG": task("ps", 0, "worker", "ps")}, False),
        ({"TF_CONFIG": "{}"}, True),
        ({"TF_CONFIG": "not JSON"}, True),
    ],
)
def test_the_first_of_several_processes_is_known(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], first: bool
) -> None:
    for name in (*RANKS, "PMIX_RANK", "MV2_COMM_WORLD_RANK", "TF_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert is_first_process() is first


FRAMEWORKS = """
import os, sys
from parametry.recording.home import is_first_process
assert is_first_process() and not {"jax", "torch", "tensorflow"} & set(sys.modules)
import jax
assert is_first_process() and not jax._src.xla_bridge._backends, "jax was set up"
import torch.distributed as distributed
assert is_first_process()
distributed.init_process_group("gloo", rank=int(sys.argv[1]), world_size=2,
                               init_method="file://" + sys.argv[2])
assert is_first_process() is (sys.argv[1] == "0")
distributed.barrier()
"""


def test_loaded_frameworks_are_asked_and_not_set_up(tmp_path: Path) -> None:
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in (*RANKS, "TF_CONFIG", "PMIX_RANK", "MV2_COMM_WORLD_RANK")
    }
    command = [sys.executable, "-c", FRAMEWORKS]
    both = [
        subprocess.Popen([*command, rank, str(tmp_path / "meeting")], env=environment)
        for rank in ("0", "1")
    ]
    assert [process.wait(timeout=120) for process in both] == [0, 0]


# ---------------------------------------------------------------- the list and its index


def listing(found: Runs) -> list[dict[str, object]]:
    return [summary.to_dict() for summary in found.summaries]


def test_the_index_may_be_lost_damaged_or_unwritable(recorded: Recorded, home: Path) -> None:
    for number in range(3):
        recorded([Points("step", 0, None, 1.0, {"loss": float(number)})], name=f"run-{number}")
    expected = listing(runs())
    index = home / FILE
    assert index.is_file()
    assert listing(runs()) == expected
    for damage in (
        index.unlink,
        lambda: index.write_bytes(b"no database at all, but longer than a header" * 9),
        lambda: index.write_bytes(index.read_bytes()[:5000]),
        lambda: _edit(index, "UPDATE run SET summary = '{}'"),
        lambda: _edit(index, "UPDATE run SET stamp = NULL"),
        lambda: _edit(index, "DROP TABLE run"),
        lambda: (index.unlink(), index.mkdir()),
    ):
        damage()
        assert listing(runs()) == expected
        assert listing(runs()) == expected


def _edit(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(statement)
    connection.close()


def test_the_index_is_what_makes_a_list_quick(recorded: Recorded, home: Path) -> None:
    run = recorded([Points("step", 0, None, 1.0, {"loss": 1.0})], name="run")
    runs()
    _edit(home / FILE, """UPDATE run SET summary = replace(summary, '"steps": 0', '"steps": 7')""")
    assert runs().summaries[0].steps == 7  # it was taken from there
    os.utime(run.path)
    assert runs().summaries[0].steps == 0  # the file may have changed


def test_a_locked_index_holds_nobody_up(recorded: Recorded, home: Path) -> None:
    recorded(name="first")
    runs()
    other = sqlite3.connect(home / FILE, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    recorded(name="second")
    assert [run.name for run in runs()] == ["first", "second"]
    other.execute("ROLLBACK")
    other.close()


def test_a_running_run_is_read_from_its_file(home: Path) -> None:
    path, name = new_run()
    writer = Writer(path, name, script=None, command=[], started=1.0)
    for step in range(3):
        writer.put(Points("step", step, None, 1.0, {"loss": float(step)}))
        assert writer.flush()
        (summary,) = runs().summaries
        assert (summary.status, summary.steps, summary.metrics) == ("running", step, {"loss": step})
    writer.close("finished")
    assert runs().summaries[0].status == "finished"


def test_what_cannot_be_read_is_named_and_hides_nothing(recorded: Recorded, home: Path) -> None:
    recorded(name="good")
    (home / "runs" / "bad.sqlite").write_text("no database at all " * 100)
    (home / "runs" / "taken.sqlite").touch()
    found = runs()
    assert [run.name for run in found] == ["good"]
    assert [gap.subject for gap in found.gaps] == ["bad.sqlite"]
    assert "bad.sqlite" in repr(found)
