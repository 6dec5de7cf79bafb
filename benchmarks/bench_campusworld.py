"""CPU time of rendering CampusWorld, one thread.

Run ``python benchmarks/bench_campusworld.py``. CPU time of this process is measured, so other
load on the machine matters little; the last column is what one core renders in a second.
"""

import io
import time
from collections.abc import Callable
from dataclasses import replace

from rich.console import Console
from rich.table import Table

from geoloc.campusworld.campus import make_campus
from geoloc.campusworld.dataset import JPEG_QUALITY
from geoloc.campusworld.drone import render_drone
from geoloc.campusworld.satellite import render_satellite
from geoloc.campusworld.spec import PRESETS, plan_campuses

FRAMES = 24


def cpu_ms(work: Callable[[int], object], repeats: int) -> float:
    """Return the mean CPU time of ``work(k)`` in ms, after one call that compiles."""
    work(0)
    start = time.process_time()
    for k in range(repeats):
        work(k)
    return 1e3 * (time.process_time() - start) / repeats


def main() -> None:
    table = Table("image size (px)", "work", "CPU time (ms)", "per second and core")
    for size in (128, 256):
        spec = replace(PRESETS["dacampus"], image_size=size)
        plan = next(plan_campuses(spec))
        start = time.perf_counter()
        campus = make_campus(spec, plan)
        shot = render_drone(spec, campus, plan.index, 0, 0)
        first = time.perf_counter() - start

        def drone(k: int, spec=spec, campus=campus) -> None:
            render_drone(spec, campus, 0, k % 12, 5 * k)

        def satellite(k: int, spec=spec, campus=campus) -> None:
            render_satellite(campus, k % 12, spec.tile_m, spec.image_size)

        def encode(_: int, shot=shot) -> None:
            shot.save(io.BytesIO(), format="JPEG", quality=JPEG_QUALITY)

        def build(_: int, spec=spec, plan=plan) -> None:
            make_campus(spec, plan)

        works = {"drone image": drone, "satellite image": satellite, "JPEG": encode}
        rows = {name: cpu_ms(work, FRAMES) for name, work in works.items()}
        rows["maps of a campus (75 places)"] = cpu_ms(build, 2)
        for name, ms in rows.items():
            table.add_row(str(size), name, f"{ms:.2f}", f"{1e3 / ms:.1f}")
        table.add_row(str(size), "campus and first image, kernels loaded", f"{1e3 * first:.0f}", "")
    Console().print(table)


if __name__ == "__main__":
    main()
