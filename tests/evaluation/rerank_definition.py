"""The definitions of re-ranking, written down densely in float64 with Python sets and loops."""

import math

import numpy as np

DIGITS = 10  # distances that agree to this many digits are ties


def stable_order(row):
    return sorted(range(len(row)), key=lambda column: (round(float(row[column]), DIGITS), column))


def cosine_distance(query, gallery, normalize=True):
    rows = np.concatenate([query, gallery]).astype(np.float64)
    if normalize:
        rows = rows / np.sqrt((rows * rows).sum(axis=1, keepdims=True))
    # of equal rows 0, not 1e-16
    return np.array([[max(0.0, round(1 - math.fsum(a * b), 14)) for b in rows] for a in rows])


def k_reciprocal_distance(distance, k1, k2, lam, power=2):
    """All images to all images ``[N, N]``, from the cosine distances ``[N, N]``."""
    n = len(distance)
    original = np.zeros((n, n))
    for i in range(n):
        if max(distance[i]) > 0:
            original[i] = distance[i] ** power / max(distance[i] ** power)
    order = [stable_order(row) for row in distance]

    def reciprocal(i, k):
        return {j for j in order[i][: k + 1] if i in order[j][: k + 1]}

    encoding = np.zeros((n, n))
    for i in range(n):
        near = reciprocal(i, k1)
        members = set(near)
        for j in near:
            half = reciprocal(j, round(k1 / 2))
            if len(half & near) * 3 > len(half) * 2:
                members |= half
        for j in members:
            encoding[i, j] = math.exp(-original[i, j])
        if members:
            encoding[i] /= encoding[i].sum()
    if k2 != 1:
        encoding = np.array([encoding[order[i][:k2]].mean(axis=0) for i in range(n)])
    result = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            common = np.minimum(encoding[i], encoding[j]).sum()
            jaccard = 1 - common / (2 - common)
            result[i, j] = (1 - lam) * jaccard + lam * original[i, j]
    return result


def multi_scale_distance(per_scale, k1_list, queries, variant):
    """Query-gallery distances from the k-reciprocal distances ``[N, N]`` at every scale."""
    n = len(per_scale[0])
    result = np.empty((queries, n))
    for i in range(queries):
        if variant == "segment":
            row, frozen = per_scale[0][i].copy(), set()
            for scale in range(1, len(k1_list)):
                frozen |= set(stable_order(row)[: k1_list[scale - 1] + 1])
                for j in set(range(n)) - frozen:
                    row[j] = per_scale[scale][i, j] + scale
            result[i] = row
        else:
            row, active = np.zeros(n - queries), set(range(n - queries))
            for scale, k1 in enumerate(k1_list):
                for j in active:
                    row[j] += per_scale[scale][i, queries + j]
                active -= set(stable_order(row)[:k1])
            result[i, queries:] = row
    return result[:, queries:]
