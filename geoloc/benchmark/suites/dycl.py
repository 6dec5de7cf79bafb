"""The tables and figures of the DyCL paper, and what else is asked about its methods."""

from geoloc.benchmark.suite import Entry, Suite

DRONE_AND_SATELLITE = ("satellite->drone", "drone->satellite")
SCALES = ("small", "middle", "large", "overall")
SINGLE, MULTI = "single-scale", "multi-scale"
TABLE_II = (
    Entry("Contrastive", SINGLE, "contrastive"),
    Entry("NSM", SINGLE, "nsm"),
    Entry("Soft Margin Triplet", SINGLE, "soft_margin_triplet"),
    Entry("Triplet", SINGLE, "triplet"),
    Entry("Instance", SINGLE, "instance"),
    Entry("LPN", SINGLE, "lpn"),
    Entry("InfoNCE", SINGLE, "infonce"),
    Entry("CV-Cities", SINGLE, "cv_cities"),
    Entry("CSL", MULTI, "csl"),
    Entry("Multi-Similarity", MULTI, "multi_similarity"),
    Entry("Sum-Triplet", MULTI, "sum_triplet"),
    Entry("HAPPIER", MULTI, "happier"),
    Entry("DyCL", MULTI, "dycl"),
    Entry("DyCL+HAPPIER", MULTI, "dycl_happier"),
    Entry("DyCL+HAPPIER+MSRerank", "re-ranked", "dycl_happier", ranking="MSRerank"),
)
BASELINE = "baseline"
DYML = {f"DyML-{name.title()}": f"_{name}" for name in ("vehicle", "animal", "product")}
TABLE_IV = (
    Entry("Triplet", BASELINE, "triplet"),
    Entry("Multi-Similarity", BASELINE, "multi_similarity"),
    Entry("TL_SH", BASELINE, "triplet_semihard"),
    Entry("NSM", BASELINE, "nsm"),
    Entry("Sum-TL_SH", BASELINE, "sum_triplet_semihard"),
    Entry("Sum-NSM", BASELINE, "sum_nsm"),
    Entry("CSL", BASELINE, "csl"),
    Entry("HAPPIER", BASELINE, "happier"),
    Entry("HAPPIER+Rerank", "re-ranked", "happier", ranking="KReciprocal"),
    Entry("HAPPIER+MSRerank", "re-ranked", "happier", ranking="MSRerank"),
)
OF_SCALES = tuple(f"{metric}/{scale}" for scale in SCALES for metric in ("mAP", "R@1"))
TRIPLETS = "model.losses.triplet.positive_level"
TAU = "model.losses.dycl.scale"
LAMBDA_1 = "model.losses.dycl.weight"
HIERARCHICAL = ("H-AP", "ASI", "NDCG")
METRICS_OF_SCALES = ("H-AP", *OF_SCALES[:-2:2])
RERANKINGS = ("KReciprocal", "MSRerank")


def _reranked(entry: Entry) -> list[Entry]:
    """Return a method before and after each re-ranking, as a group of rows."""
    method, folder = entry.method, entry.folder
    rows = [Entry(method, method, folder)]
    for ranking in RERANKINGS:
        paper = None if (method, ranking) == ("DyCL+HAPPIER", "MSRerank") else ""
        rows.append(Entry(f"{method}+{ranking}", method, folder, ranking=ranking, paper=paper))
    return rows


def _without(terms: str, *left_out: str) -> Entry:
    changes = {f"model.losses.{name}.weight": 0.0 for name in left_out}
    return Entry(terms, "terms", "dycl_happier", changes, paper="")


def _ablation(symbol: str, key: str, value: float) -> Entry:
    return Entry(
        f"{symbol} = {value:g}", symbol, "dycl_happier", {key: value}, paper="", value=value
    )


DYCL_SUITES = {
    "dycl-table2": Suite(
        "Hierarchical retrieval (Table II)",
        ("DA-Campus",),
        TABLE_II,
        DRONE_AND_SATELLITE,
        HIERARCHICAL,
        products=("distance",),
    ),
    "dycl-table3": Suite(
        "Retrieval at every scale (Table III)",
        ("DA-Campus",),
        TABLE_II,
        DRONE_AND_SATELLITE,
        OF_SCALES,
    ),
    "dycl-table4": Suite(
        "Dynamic metric learning: means of the three scales (Table IV)",
        tuple(DYML),
        TABLE_IV,
        tuple(DYML),
        ("mAP", "R@1"),
        subsets=DYML,
    ),
    "fig6": Suite(
        "One scale or all of them: triplet loss (Fig. 6)",
        ("DA-Campus",),
        (
            Entry("Triplet, small scale", SINGLE, "triplet", paper="Triplet"),
            Entry("Triplet, middle scale", SINGLE, "triplet", {TRIPLETS: 2}, paper=""),
            Entry("Triplet, large scale", SINGLE, "triplet", {TRIPLETS: 1}, paper=""),
            Entry("Sum-Triplet", MULTI, "sum_triplet"),
        ),
        DRONE_AND_SATELLITE,
        OF_SCALES,
        products=("distance",),
    ),
    # Of the paper's curves there are no numbers; the table shows what re-ranking does in the end.
    "fig7": Suite(
        "Position shift of re-ranking (Fig. 7)",
        ("DA-Campus",),
        tuple(_reranked(Entry("DyCL+HAPPIER", MULTI, "dycl_happier"))),
        DRONE_AND_SATELLITE,
        METRICS_OF_SCALES,
        products=("position_shift",),
    ),
    # The paper prints these as curves, without numbers.
    "fig8": Suite(
        "DyCL's scale tau and its weight lambda_1 beside HAPPIER (Fig. 8)",
        ("DA-Campus",),
        (
            *(_ablation("tau", TAU, value) for value in (4.0, 8.0, 16.0, 32.0, 64.0)),
            *(_ablation("lambda_1", LAMBDA_1, value) for value in (0.05, 0.1, 0.2, 0.4, 0.8)),
        ),
        DRONE_AND_SATELLITE,
        METRICS_OF_SCALES,
    ),
    "reranking": Suite(
        "Every method before and after re-ranking",
        ("DA-Campus",),
        tuple(row for entry in TABLE_II if not entry.ranking for row in _reranked(entry)),
        DRONE_AND_SATELLITE,
        METRICS_OF_SCALES,
    ),
    "loss-terms": Suite(
        "What each term of DyCL+HAPPIER adds",
        ("DA-Campus",),
        (
            _without("clustering", "dycl", "hap"),
            _without("H-AP", "dycl", "clustering"),
            _without("H-AP + clustering", "dycl"),
            _without("DyCL", "hap", "clustering"),
            _without("DyCL + clustering", "hap"),
            _without("DyCL + H-AP", "clustering"),
            Entry("DyCL + H-AP + clustering", "terms", "dycl_happier", paper="DyCL+HAPPIER"),
        ),
        DRONE_AND_SATELLITE,
        METRICS_OF_SCALES,
    ),
}
