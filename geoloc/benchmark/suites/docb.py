"""The tables of the DOCB paper: street panoramas to satellite tiles."""

from typing import Any

from geoloc.benchmark.cost import COSTS
from geoloc.benchmark.product import TEST_SPLIT, TRANSFER
from geoloc.benchmark.suite import Entry, Suite

MEMORY = "model.miner.memory_size"
BATCH = "train_dataloader.batch_size"
FUSION = "model.neck.fusion"
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

DOCB_SUITES = {
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
