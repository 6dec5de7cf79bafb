"""Tables for the tests: one by hand, and a strategy for any others."""

from hypothesis import strategies as st

from geoloc.benchmark.statistics import estimate
from geoloc.benchmark.table import Column, Row, Table

HOSTILE = r"""<script>alert('&amp;')</script> a|b "q" \x{y} #$%_^~* [z] `c` 1--2"""
S_D, D_S, WORLD = (
    Column("satellite->drone", "H-AP"),
    Column("drone->satellite", "H-AP"),
    Column("World_1", "mAP/small"),
)
RUN = {
    "seed": 3,
    "geoloc_version": "0.1.0+gabc",
    "wall_s": 3723.4,
    "peak_memory_mb": 2048.25,
    "hardware": "one <GPU>",
    "command": "python tools/train.py a.py --seed 3 && echo '<done>'",
}

EXAMPLE = Table(
    name="suite 1",
    title="A & B: 100 % of <methods>",
    data="World_1 (0123456789ab)",
    paper="A paper, Table II",
    columns=(S_D, D_S, WORLD),
    rows=(
        # 46.021 and, below, 46.019 are equal in print.
        Row(
            "First",
            "multi-scale",
            "configs/first",
            {S_D: estimate([45.0, 46.0, 47.063]), D_S: estimate([40.0]), WORLD: estimate([1, 3])},
            {S_D: 50.0, D_S: 41.5, WORLD: 7.25},
            [RUN, RUN | {"seed": 4}],
        ),
        Row(
            "Second",
            "single-scale",
            "configs/second",
            {S_D: estimate([46.019]), D_S: estimate([39.9])},
            {S_D: 49.0, D_S: 42.0},
            [{"seed": 0}],
        ),
        Row(HOSTILE, "multi-scale", "configs/hostile", {S_D: estimate([30.0])}, {S_D: 1.0}, []),
        Row("Nothing", "single-scale", "configs/nothing", {}, {WORLD: 2.0}, []),
        Row("Third", "<b>other</b>", "configs/third", {D_S: estimate([39.0])}, {}, []),
    ),
)

_NAMES = st.text("ab Zé→|\\`*_[]<>&\"'#$%^~{}+-.,:;@!?\n", min_size=1, max_size=8).filter(str.strip)
_TASKS = st.sampled_from(["satellite->drone", "drone->satellite"]) | _NAMES
# Few different numbers, so that many are equal.
_NUMBERS = st.integers(0, 400).map(lambda number: number / 4 + 0.001 * (number % 3))


@st.composite
def any_table(draw):
    """Return a table of any names, in which anything may be missing."""
    columns = draw(
        st.lists(st.builds(Column, _TASKS, _NAMES), min_size=1, max_size=4, unique_by=_normal)
    )
    methods = draw(st.lists(_NAMES, min_size=1, max_size=6, unique_by=lambda name: _normal([name])))
    chosen = st.dictionaries(
        st.sampled_from(columns), st.lists(_NUMBERS, min_size=1, max_size=3).map(estimate)
    )
    published = st.dictionaries(st.sampled_from(columns), _NUMBERS)
    rows = [
        Row(name, draw(_NAMES), draw(_NAMES), draw(chosen), draw(published), []) for name in methods
    ]
    return Table(
        draw(_NAMES), draw(_NAMES), draw(_NAMES), draw(_NAMES), tuple(columns), tuple(rows)
    )


def _normal(texts):
    return tuple(" ".join(text.split()) for text in texts)
