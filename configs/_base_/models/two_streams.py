# A stream per view, compared by the weighted soft-margin loss of CVM-Net and its successors.
model = dict(
    type="CrossViewRetriever",
    views=("street", "satellite"),
    shared=(),
    head=dict(type="NormalizeHead"),
    losses=dict(soft_margin=dict(type="SoftMarginTripletLoss", alpha=10.0, positive_level=1)),
)
