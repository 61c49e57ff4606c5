"""Describes the machine and the software of a run, so that a record can be compared with another."""

from __future__ import annotations

import ctypes
import os
import platform
import resource
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engines import package_version

_M_MMAP_THRESHOLD = -3  # of mallopt(3)
_LARGE = 1 << 20


def describe(packages: Iterable[str]) -> dict[str, Any]:
    """Date, machine, load, Python and package versions."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "cpu": cpu_model(),
            "cores": os.cpu_count(),
            "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
            "system": f"{platform.system()} {platform.machine()}",
            "load_average": [round(load, 2) for load in os.getloadavg()],
        },
        "versions": {"python": platform.python_version(), **{name: package_version(name) for name in packages}},
    }


def give_back_large_blocks() -> None:
    """Ask glibc to map blocks of 1 MiB and more by themselves, whose memory goes back to the system once they are free.

    By default it puts the logits of a wide vocabulary on the heap once they have been freed a first time, and does not
    find their places again between the small blocks of new grammars: a long run on a CPU then grows by gigabytes.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE)


def peak_memory_mib() -> float:
    """The most memory that the process has held so far, in MiB."""
    unit = 1 if platform.system() == "Darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20, 1)


def cpu_model() -> str:
    """The processor's own name, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
