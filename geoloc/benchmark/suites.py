"""The tables and figures of the papers, and what else is asked about them."""

from typing import Any

from geoloc.benchmark.cost import COSTS
from geoloc.benchmark.product import TEST_SPLIT, TRANSFER
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
MEMORY = "model.miner.memory_size"
BATCH = "train_dataloader.batch_size"
FUSION = "model.neck.fusion"
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


# The table prints "PT" for methods on polar-transformed tiles, which is in their configs.
STREET_DATA = {"CVUSA": "_cvusa", "CVACT_val": "_cvact"}
# Trained as for CVACT_val.
STREET_COLUMNS = {**STREET_DATA, "CVACT_test": "_cvact"}
STREET_TASK = "street->satellite"
RECALLS = ("R@1", "R@5", "R@1%")
PEER, OURS = "peers", "MSFA"
SAFA = Entry("SAFA", PEER, "safa")
DSM = Entry("DSM", PEER, "dsm")
L2LTR = Entry("L2LTR", PEER, "l2ltr")
# The second stage adds a pass of the first stage's network to what the paper counts.
TRANSGEO = Entry("TransGeo, first stage", PEER, "transgeo", paper="TransGeo")
TRANSGCNN = Entry("TransGCNN", PEER, "transgcnn")
MSFA = Entry("MSFA", OURS, "msfa")
MSFA_DOCB = Entry("MSFA + DOCB", OURS, "msfa_docb", {MEMORY: 1000})
STREET_METHODS = (
    Entry("CVM-Net", PEER, "cvm_net"),
    Entry("CVFT", PEER, "cvft"),
    Entry("SAFA + LPN", PEER, "safa_lpn"),
    SAFA,
    DSM,
    Entry("LPN", PEER, "lpn"),
    Entry("LPN + USAM", PEER, "lpn_usam"),
    L2LTR,
    TRANSGEO,
    TRANSGCNN,
    Entry("Sample4Geo", PEER, "sample4geo", paper=""),
    MSFA,
    MSFA_DOCB,
)
ONE_EMBEDDING = {
    "model.neck.dilations": [1],
    "model.neck.maps_per_branch": 1,
    "model.neck.fusion": "none",
}


def _msfa(method: str, group: str, paper: str, options: dict[str, Any]) -> Entry:
    return Entry(method, group, "msfa", options, paper=paper)


def _docb(method: str, group: str, paper: str, **options: Any) -> Entry:
    changes = {f"model.miner.{name}": value for name, value in options.items()}
    return Entry(method, group, "msfa_docb", {MEMORY: 1000, **changes}, paper=paper)


# The labels of most rows of Tables 5 to 9 are lost; ours say what stands for them (inferred).
STREET_ABLATIONS = (
    Entry("SAFA's embedding", "descriptor (Table 5)", "safa", paper="T5 row 2"),
    _msfa("one embedding", "descriptor (Table 5)", "T5 row 3", ONE_EMBEDDING),
    _msfa("none", "fusion (Table 6)", "T6 row 1", ONE_EMBEDDING),
    _msfa("concatenate", "fusion (Table 6)", "T6 row 2", {FUSION: "concatenate"}),
    _msfa("summation", "fusion (Table 6)", "T6 row 3", {}),
    _msfa("attention + summation", "fusion (Table 6)", "T6 row 4", {FUSION: "attention_summation"}),
    _msfa("batch only", "mining (Table 7)", "T7 row 1", {}),
    _docb("+ memory", "mining (Table 7)", "T7 row 2", reload=False),
    _docb("+ reloading", "mining (Table 7)", "T7 row 3", refresh=False),
    _docb("+ refreshed memory", "mining (Table 7)", "T7 row 4"),
    _docb("street anchors only", "mining (Table 7)", "", directions="query"),
    _docb("satellite anchors only", "mining (Table 7)", "", directions="gallery"),
    *(
        Entry(
            f"M = {size}",
            "memory (Table 8)",
            "msfa_docb",
            {MEMORY: size},
            paper=f"T8 M = {size}",
            value=size,
        )
        for size in (20, 200, 1000)
    ),
    _msfa("neither", "scales and branches (Table 9)", "T9 row 1", ONE_EMBEDDING),
    _msfa(
        "two scales in one branch",
        "scales and branches (Table 9)",
        "T9 row 2",
        {"model.neck.parallel": False},
    ),
    _msfa(
        "two branches of one scale",
        "scales and branches (Table 9)",
        "T9 row 3",
        {"model.neck.dilations": [1, 1]},
    ),
    _msfa("two branches of two scales", "scales and branches (Table 9)", "T9 row 4", {}),
)

PHOTO_TASK = "photo->gps"
RADII = tuple(f"Acc@{radius}km" for radius in (25, 200, 750, 2500))


def _srcl(method: str, group: str, **options: Any) -> Entry:
    changes = {f"model.loss.{name}": value for name, value in options.items()}
    return Entry(method, group, "srcl_geoclip", changes, paper="")


SEMIVARIOGRAM = (
    Entry("InfoNCE", "baseline", "geoclip", paper=""),
    _srcl("false negatives only", "weights", **{"emphasis.lambda_h": 0.0}),
    _srcl("hard negatives only", "weights", **{"emphasis.lambda_f": 0.0}),
    _srcl("both", "weights"),
    _srcl("both, mean weight 1", "weights", normalize_weights=True),
    _srcl("thesis, variant 5", "other modes", mode="logit_scale"),
    _srcl("thesis, variant 2", "other modes", mode="hcl_beta"),
    _srcl("false negatives left out", "other modes", mode="mask_fn"),
    _srcl("soft labels by distance", "other modes", mode="soft_label"),
    _srcl("both, shuffled positions", "control", **{"refit.shuffled": True}),
)

SUITES = {
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
    "semivariogram": Suite(
        "Negatives weighted by the semivariogram, in GeoCLIP",
        (),
        SEMIVARIOGRAM,
        (PHOTO_TASK,),
        RADII,
    ),
    "semivariogram-retrieval": Suite(
        "Negatives weighted by the semivariogram, across views",
        ("DA-Campus",),
        (
            Entry("InfoNCE", SINGLE, "infonce"),
            Entry("SRCL-InfoNCE", SINGLE, "srcl_infonce", paper=""),
            Entry("DyCL", MULTI, "dycl"),
        ),
        DRONE_AND_SATELLITE,
        METRICS_OF_SCALES,
    ),
    "docb-table1": Suite(
        "Street to satellite (DOCB, Table 1)",
        tuple(STREET_COLUMNS),
        STREET_METHODS,
        tuple(STREET_COLUMNS),
        RECALLS,
        subsets=STREET_COLUMNS,
        subset_task=STREET_TASK,
        other_tasks={"CVACT_test": TEST_SPLIT},
        products=(TEST_SPLIT,),
    ),
    "docb-mining": Suite(
        "Mining of hard exemplars (DOCB, Table 2)",
        ("CVUSA", "docb-mining"),
        (
            Entry("DSM", "no mining", "dsm"),
            Entry("MSFA", "no mining", "msfa"),
            *(
                Entry(f"DSM + SEH (batch {size})", "mining", "dsm_seh", {BATCH: size})
                for size in (30, 90, 120)
            ),
            Entry("DSM + DOCB", "mining", "dsm_docb", {MEMORY: 1000}),
            Entry("MSFA + XBM-hard", "mining", "msfa_xbm_hard"),
            Entry("MSFA + Global mining", "mining", "msfa_global_mining"),
            Entry("MSFA + DOCB, small memory", "mining", "msfa_docb", {MEMORY: 20}, paper=""),
            Entry("MSFA + DOCB", "mining", "msfa_docb", {MEMORY: 1000}),
        ),
        ("CVUSA",),
        ("R@1",),
        subsets={"CVUSA": "_cvusa"},
        subset_task=STREET_TASK,
    ),
    "docb-cost": Suite(
        "Cost at the papers' size (DOCB, Table 3)",
        ("docb-cost",),
        (SAFA, DSM, L2LTR, TRANSGCNN, TRANSGEO, MSFA, MSFA_DOCB),
        ("CVUSA",),
        ("R@1",),
        subsets={"CVUSA": "_cvusa"},
        subset_task=STREET_TASK,
        costs=COSTS[:3],
    ),
    "docb-descriptor": Suite(
        "Length of the descriptor (DOCB, Table 4)",
        ("docb-descriptor",),
        (SAFA, DSM, L2LTR, TRANSGEO, MSFA),
        ("CVUSA",),
        ("R@1",),
        subsets={"CVUSA": "_cvusa"},
        subset_task=STREET_TASK,
        costs=COSTS[3:],
    ),
    "docb-ablation": Suite(
        "Parts of MSFA and of DOCB (DOCB, Tables 5 to 9)",
        ("docb-ablation",),
        STREET_ABLATIONS,
        ("CVUSA",),
        ("R@1",),
        subsets={"CVUSA": "_cvusa"},
        subset_task=STREET_TASK,
    ),
    "docb-transfer": Suite(
        "Trained on one dataset, evaluated on the other (DOCB, Table 10)",
        ("docb-transfer",),
        (SAFA, DSM, L2LTR, MSFA),
        ("CVUSA->CVACT", "CVACT->CVUSA"),
        RECALLS,
        subsets={"CVUSA->CVACT": "_cvusa", "CVACT->CVUSA": "_cvact"},
        subset_task=TRANSFER,
        products=(TRANSFER,),
    ),
}
