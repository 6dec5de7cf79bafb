"""The commands of ``geoloc``: what each is for, examples of it, and what comes next.

Nothing else of geoloc is imported here, so that ``geoloc --help`` answers at once.
"""

from typing import NamedTuple


class Command(NamedTuple):
    """A command.

    Attributes:
        purpose: What it is for, in one line.
        module: Has ``add_arguments(parser)`` and ``run(arguments)``.
        examples: Command lines that work as they stand in a checkout of the repository, or after
            the examples of the commands before, each with what it does.
        next: What to run afterwards.
    """

    purpose: str
    module: str
    examples: dict[str, str]
    next: str


RUN = "work_dirs/dycl_r18_campusworld"
CONFIG = "configs/dycl/dycl_r18_campusworld.py"

COMMANDS = {
    "doctor": Command(
        "Check versions, devices, dataset folders and known conflicts.",
        "geoloc.doctor.doctor_command",
        {
            "geoloc doctor": "status 1 if something is broken; each line names its fix",
            "geoloc doctor --json > doctor.json": "the same for a bug report",
        },
        f"geoloc train {CONFIG}",
    ),
    "campusworld": Command(
        "Render CampusWorld, the procedural stand-in for DA-Campus, into a folder.",
        "geoloc.campusworld.campusworld_command",
        {
            "geoloc campusworld data/CampusWorld": "the world that the first training uses",
            "geoloc campusworld data/small --places 24 12 --views 2 --image-size 64": (
                "a quick one of your own"
            ),
            "geoloc campusworld data/DA_Campus --preset dacampus": (
                "as large as DA-Campus, where its configs look for it"
            ),
        },
        f"geoloc train {CONFIG}",
    ),
    "train": Command(
        "Train a config and evaluate it.",
        "geoloc.engine.train_command",
        {
            f"geoloc train {CONFIG}": f"into {RUN}",
            f"geoloc train {CONFIG} --resume": "goes on from the last checkpoint",
            f"geoloc train {CONFIG} --seed 1 --work-dir work_dirs/seed1 "
            "--cfg-options train_cfg.max_epochs=5": "another seed, fewer epochs",
        },
        f"geoloc report {RUN}",
    ),
    "test": Command(
        "Evaluate a checkpoint, or the saved descriptors of a run (then no model is needed).",
        "geoloc.engine.test_command",
        {
            f"geoloc test {CONFIG} {RUN}/epoch_10.pth": "describes the test images again",
            f"geoloc test {CONFIG} --descriptors {RUN}": "takes those that the run saved",
        },
        f"geoloc browse {RUN}",
    ),
    "evaluate": Command(
        "Evaluate descriptors, of a run folder or of any project.",
        "geoloc.evaluation.evaluate_command",
        {
            f"geoloc evaluate {RUN}": "with 95 % intervals",
            f"geoloc evaluate {RUN} --rerank KReciprocal k1=20 k2=6": "after re-ranking, too",
            f"geoloc evaluate {RUN}/descriptors.npy --index {RUN}/index.csv --out work_dirs/new": (
                "from a .npy or .npz file and a CSV file path,view,place,lat,lon,split; saved"
            ),
        },
        f"geoloc report {RUN}",
    ),
    "report": Command(
        "Write one HTML page about a run: metrics, curves, errors, maps, pictures.",
        "geoloc.visualization.report_command",
        {
            f"geoloc report {RUN}": f"{RUN}/report.html",
            f"geoloc report {RUN} --root data/CampusWorld --out report.html": (
                "with the images of another folder, into another file"
            ),
        },
        f"geoloc browse {RUN}",
    ),
    "browse": Command(
        "Write a page with the failures of a run and their pictures, to filter and enlarge.",
        "geoloc.visualization.browse_command",
        {
            f"geoloc browse {RUN}": f"{RUN}/failures.html",
            f"geoloc browse {RUN} --open": "and opens it in the browser",
            f"geoloc browse {RUN} --task 'drone->satellite' --worst 200": "one direction, more",
        },
        f"geoloc evaluate {RUN} --rerank KReciprocal k1=20 k2=6",
    ),
    "benchmark": Command(
        "Regenerate a table of the papers: train what is missing, evaluate, write the tables.",
        "geoloc.benchmark.benchmark_command",
        {
            "geoloc benchmark fig6": "on a tiny world: tries every step in some minutes",
            "geoloc benchmark dycl-table2 --preset campusworld --jobs 2": (
                "repeat the call to go on after a stop"
            ),
            "geoloc benchmark fig6 --report-only": "trains nothing, lays out what is there",
        },
        "open the index.html that the last line names",
    ),
    "gallery": Command(
        "Build, extend, merge, shard, index and inspect galleries of places.",
        "geoloc.localization.gallery_command",
        {
            f"geoloc gallery build {RUN}/index.csv campus_gallery --root data/CampusWorld "
            f"--view satellite --model {RUN}": "from an index file; or from a folder, a GeoTIFF",
            "geoloc gallery info campus_gallery --verify": "what is in it, and whether it is whole",
        },
        "geoloc localize data/CampusWorld/drone/test --gallery campus_gallery",
    ),
    "export": Command(
        "Export a trained model as a bundle or as ONNX graphs.",
        "geoloc.export.export_command",
        {
            f"geoloc export {RUN} --out campus_model": (
                "safetensors and config, which localize and gallery take as --model"
            ),
            f"geoloc export {RUN} --format onnx --view drone --out campus_onnx": (
                "a graph for other programs, compared with the model"
            ),
        },
        "geoloc localize data/CampusWorld/drone/test --gallery campus_gallery --model campus_model",
    ),
    "localize": Command(
        "Tell where photos were taken.",
        "geoloc.localization.localize_command",
        {
            "geoloc localize data/CampusWorld/drone/test --gallery campus_gallery "
            f"--model {RUN} --positions {RUN}/index.csv --root data/CampusWorld": (
                "in a gallery, compared with known positions"
            ),
            f"geoloc localize my_photos/ --gallery satellite_images/ --model {RUN} "
            "--out results/": "two folders: photos, and images that know their positions",
            f"geoloc localize my_photos/ --gallery ortho.tif --ground-size 80 --model {RUN}": (
                "a GeoTIFF, cut into tiles of 80 m"
            ),
        },
        "open results/map.html; --calibrate adds radii (docs/localize.md)",
    ),
}
