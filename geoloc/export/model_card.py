"""``README.md`` of a bundle: a model card in Markdown, with the header that model hubs read."""

from collections.abc import Iterator, Mapping
from typing import Any

from geoloc.export.numeric_check import Comparison
from geoloc.localization.model_bundle import ModelBundle

CARD = "README.md"


def model_card(bundle: ModelBundle, folder: str, comparisons: Mapping[str, Comparison]) -> str:
    """Return the text.

    Args:
        bundle: What was written.
        folder: Name of its folder.
        comparisons: With the model that was exported, by view.
    """
    about = bundle.about
    licence = about.get("License")
    sections = [
        f"---\nlicense: {str(licence or 'other').lower()}\nlibrary_name: geoloc\n"
        "tags:\n- geo-localization\n- image-retrieval\n---",
        f"# {about.get('Name', folder)}",
        "\n".join(_facts(bundle, comparisons)),
        _usage(bundle, folder, comparisons),
        "Images are loaded as `pipelines` in `bundle.json` says: "
        + "; ".join(f"{view}: {_steps(bundle.pipelines[view])}" for view in comparisons)
        + ".",
    ]
    if results := about.get("Results"):
        sections += ["## Results", "\n".join(_results(results))]
    return "\n\n".join(sections) + "\n"


def _facts(bundle: ModelBundle, comparisons: Mapping[str, Comparison]) -> Iterator[str]:
    yield "| | |\n|---|---|"
    for name, value in bundle.about.get("Metadata", {}).items():
        yield f"| {name} | {value} |"
    yield f"| Licence of the weights | {bundle.about.get('License') or 'not stated'} |"
    for view, (size, width, difference) in comparisons.items():
        yield (
            f"| {view} | images of {size[0]} x {size[1]}, descriptors of {width} numbers and "
            f"length 1; entries differ from the exported model's by at most {difference:.1g} |"
        )
    record = bundle.record
    yield f"| Known to galleries as | weights {record.fingerprint}, config {record.config_hash} |"
    yield f"| Written by | geoloc {bundle.geoloc_version} |"


def _usage(bundle: ModelBundle, folder: str, comparisons: Mapping[str, Comparison]) -> str:
    usage = (
        "```python\nfrom geoloc.localization import Localizer\n\n"
        f'answers = Localizer("{folder}", gallery="my_gallery").localize("photo.jpg")\n```'
    )
    if not bundle.graphs:
        return usage
    view, file = next(iter(bundle.graphs.items()))
    rows, columns = comparisons[view].size
    kind = "uint8" if bundle.raw_images else "float32, normalised"
    return (
        f"{usage}\n\nor without geoloc:\n\n```python\nimport onnxruntime\n\n"
        f'session = onnxruntime.InferenceSession("{file}")\n'
        f"# images: {kind}, [n, 3, {rows}, {columns}], RGB\n"
        '(descriptors,) = session.run(None, {"images": images})\n```'
    )


def _steps(transforms: Any) -> str:
    return ", ".join(
        f"`{step['type']}" + (f"({options})`" if (options := _options(step)) else "`")
        for step in transforms
    )


def _options(step: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value!r}" for key, value in step.items() if key != "type")


def _results(results: list[dict[str, Any]]) -> Iterator[str]:
    names = [*dict.fromkeys(name for result in results for name in result["Metrics"])]
    yield "| task | dataset | " + " | ".join(names) + " |"
    yield "|---|---|" + "---:|" * len(names)
    for result in results:
        values = (str(result["Metrics"].get(name, "-")) for name in names)
        yield f"| {result['Task']} | {result['Dataset']} | " + " | ".join(values) + " |"
