"""Run the benchmarks, all or some, and write RESULTS.md from what was measured.

    python benchmarks/run.py                      all of them: about half an hour
    python benchmarks/run.py importing fitting    some; the others keep what was measured before
    python benchmarks/run.py --quick              whether they run at all: tiny, and written nowhere

What is measured goes to benchmarks/results/, one file for each benchmark, and RESULTS.md is made
from those files. The machine should have nothing else to do meanwhile: its load is written down.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import importlib.metadata
import json
import os
import platform
import resource
import sys
from pathlib import Path
from typing import Any

from measure import BACKENDS, HERE, Figure

BENCHMARKS = [
    "importing",
    "inspection",
    "building",
    "fitting",
    "initializing",
    "saving",
    "stats",
    "files",
    "record_store",
    "recording",
    "recording_tiny",
    "diff",
]
PACKAGES = ["parametry", "keras", "tensorflow", "jax", "torch", "numpy", "numba", "safetensors"]
RESULTS = HERE / "results"
PAGE = HERE / "RESULTS.md"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--quick", action="store_true", help="tiny sizes; nothing is written")
    parser.add_argument(
        "--backend", action="append", choices=BACKENDS.copy(), help="only this one; again for more"
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]}; there are {', '.join(BENCHMARKS)}")

    if arguments.backend:
        BACKENDS[:] = arguments.backend

    measured = {}
    for name in arguments.names or BENCHMARKS:
        measured[name] = taken(name, arguments.quick)
        if not arguments.quick:
            RESULTS.mkdir(exist_ok=True)
            text = json.dumps(measured[name], indent=1, ensure_ascii=False)
            (RESULTS / f"{name}.json").write_text(text, encoding="utf-8")
    if not arguments.quick:
        PAGE.write_text(page(), encoding="utf-8")
    if arguments.json:
        print(json.dumps(measured, ensure_ascii=False))


def taken(name: str, quick: bool) -> dict[str, Any]:
    """Run one benchmark; its figures, with what must be known to judge them."""
    print(f"{name} …", file=sys.stderr, flush=True)
    load = os.getloadavg()[0]
    only = "".join(f" --backend {backend}" for backend in BACKENDS) if len(BACKENDS) < 3 else ""
    figures = []
    for found in importlib.import_module(name).measure(quick):
        print(f"  {line(found)}", file=sys.stderr, flush=True)
        figures.append(found.to_dict())
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        "command": f"python benchmarks/run.py {name}{only}{' --quick' if quick else ''}",
        "machine": machine(),
        "load": [round(load, 1), round(os.getloadavg()[0], 1)],
        "peak_mib": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
        "figures": figures,
    }


def machine() -> dict[str, str]:
    """What the figures depend on, without what names the machine."""
    versions = [f"{package} {importlib.metadata.version(package)}" for package in PACKAGES]
    return {
        "processor": processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": ", ".join(versions),
    }


def processor() -> str:
    """The processor's model, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [text.partition(":")[2].strip() for text in lines if text.startswith("model name")]
    return names[0] if names else "unknown"


def line(found: Figure) -> str:
    """A figure in one line."""
    value = f"{found.value:,.3g}" if abs(found.value) < 100 else f"{found.value:,.0f}"
    limit = "" if found.limit is None else f" (to reach: {found.limit:g})"
    return f"{found.what}: {value} {found.unit}{limit}"


def page() -> str:
    """RESULTS.md, from all that was measured so far."""
    parts = [
        "# What was measured\n",
        "Made by `python benchmarks/run.py`, and never edited. A value is the median; the middle "
        "half is what lies between the lower and the upper quartile of what was taken.\n",
    ]
    for name in BENCHMARKS:
        file = RESULTS / f"{name}.json"
        if file.exists():
            parts.append(section(name, json.loads(file.read_text(encoding="utf-8"))))
    return "\n".join(parts)


def section(name: str, result: dict[str, Any]) -> str:
    """One benchmark's part of the page."""
    about = importlib.import_module(name).__doc__ or ""
    facts = result["machine"]
    rows = [
        f"## {name}\n",
        f"{about.strip()}\n",
        f"{result['date']}, `{result['command']}`, {facts['cores']} cores of "
        f"{facts['processor']} ({facts['system']}), Python {facts['python']}, {facts['packages']}. "
        f"Load before and after: {result['load'][0]} and {result['load'][1]}. "
        f"The largest process held {result['peak_mib']:,} MiB.\n",
        "| what | value | middle half | taken | to reach |",
        "|---|--:|--:|--:|--:|",
    ]
    for entry in result["figures"]:
        found = Figure(**entry)
        limit = "" if found.limit is None else f"≤ {found.limit:g} {found.unit}"
        rows.append(
            f"| {found.what} | {number(found.value)} {found.unit} "
            f"| {number(found.low)} – {number(found.high)} | {found.taken} | {limit} |"
        )
    return "\n".join(rows) + "\n"


def number(value: float) -> str:
    """Three digits that count, or all before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    main()
