"""The loops that numpy has no words for, compiled by numba and kept on disk.

Knows arrays alone. Importing this module imports numba (half a second); the functions that need a kernel import it
then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from vecclust.clustering.compiling import shield_cache

# What is gained by less is rounding.
_LEAST = 1e-10

F = TypeVar("F", bound=Callable[..., Any])


def _compiled(function: F) -> F:
    shield_cache()
    try:
        return cast(F, numba.njit(cache=True)(function))
    except RuntimeError:
        # Nowhere to keep it: neither beside this file nor in the user's cache folder. It is compiled in every process.
        return cast(F, numba.njit(function))


@_compiled
def leiden(
    indptr: NDArray[Any],
    indices: NDArray[Any],
    weights: NDArray[np.float64],
    start: NDArray[np.int64],
    resolution: float,
    seed: int,
    n_rounds: int,
) -> NDArray[np.int64]:
    """Find communities (Traag, Waltman and van Eck 2019): move, refine, aggregate, and all over again.

    Args:
        indptr: (n + 1,) of a symmetric graph, as `indices` and `weights` are.
        indices: neighbours.
        weights: weights of the links.
        start: (n,) communities to begin at, below n.
        resolution: of the modularity.
        seed: of the orders in which nodes are visited.
        n_rounds: how often at most.

    Returns:
        (n,) communities, numbered by first appearance.
    """
    np.random.seed(seed)
    expected = resolution / weights.sum()
    labels: NDArray[np.int64] = number(start)
    for _ in range(n_rounds):
        before = labels
        at, to, weight = indptr, indices, weights
        member, found = np.arange(len(start)), labels.copy()
        while True:
            n = len(at) - 1
            degrees = np.zeros(n)
            for node in range(n):
                degrees[node] = weight[at[node] : at[node + 1]].sum()
            move_between(at, to, weight, degrees, found, np.random.permutation(n), expected)
            found = number(found)
            labels = found[member]
            if found.max() + 1 == n:
                break
            part = number(refine_within(at, to, weight, degrees, found, np.random.permutation(n), expected))
            if part.max() + 1 == n:
                part = found
            of_part = np.zeros(part.max() + 1, np.int64)
            of_part[part] = found
            at, to, weight = aggregate(at, to, weight, part)
            found, member = of_part, part[member]
        labels = number(labels)
        if (labels == before).all():
            break
    return labels


@_compiled
def number(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number labels by first appearance.

    Args:
        labels: (n,), from 0 up.
    """
    names, numbered, count = np.full(labels.max() + 1, -1, np.int64), np.empty_like(labels), 0
    for node in range(len(labels)):
        if names[labels[node]] < 0:
            names[labels[node]] = count
            count += 1
        numbered[node] = names[labels[node]]
    return numbered


@_compiled
def aggregate(
    indptr: NDArray[Any], indices: NDArray[Any], weights: NDArray[np.float64], part: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Make one node of each part; links inside become links of the node with itself.

    Args:
        indptr: (n + 1,) of the graph, as `indices` and `weights` are.
        indices: neighbours.
        weights: weights of the links.
        part: (n,) the part of each node.

    Returns:
        The graph of parts.
    """
    n, n_parts = len(part), part.max() + 1
    bounds = np.zeros(n_parts + 1, np.int64)
    for node in range(n):
        bounds[part[node] + 1] += 1
    bounds = np.cumsum(bounds)
    free, order = bounds.copy(), np.empty(n, np.int64)
    for node in range(n):
        order[free[part[node]]] = node
        free[part[node]] += 1
    at, to, weight = np.zeros(n_parts + 1, np.int64), np.empty(len(indices), np.int64), np.empty(len(indices))
    link, touched, size = np.zeros(n_parts), np.empty(n_parts, np.int64), 0
    for each in range(n_parts):
        n_touched = 0
        for node in order[bounds[each] : bounds[each + 1]]:
            for edge in range(indptr[node], indptr[node + 1]):
                other = part[indices[edge]]
                if link[other] == 0.0:
                    touched[n_touched] = other
                    n_touched += 1
                link[other] += weights[edge]
        for other in touched[:n_touched]:
            to[size], weight[size] = other, link[other]
            link[other] = 0.0
            size += 1
        at[each + 1] = size
    return at, to[:size], weight[:size]


@_compiled
def move_between(
    indptr: NDArray[Any],
    indices: NDArray[Any],
    weights: NDArray[np.float64],
    degrees: NDArray[np.float64],
    labels: NDArray[np.int64],
    order: NDArray[np.int64],
    expected: float,
) -> None:
    """Move nodes to the community that gains most modularity, until none gains (the fast local move of Leiden).

    Args:
        indptr: (n + 1,) of the graph, as `indices` and `weights` are.
        indices: neighbours.
        weights: weights of the links.
        degrees: (n,) weight of all links of each node.
        labels: (n,) communities below n, changed in place.
        order: (n,) in which nodes are visited first; then those whose neighbours moved.
        expected: resolution over the weight of all links.
    """
    n = len(degrees)
    total = np.zeros(n)
    for node in range(n):
        total[labels[node]] += degrees[node]
    link, touched = np.zeros(n), np.empty(n, np.int64)
    queue, waiting = order.copy(), np.ones(n, np.bool_)
    head, size = 0, n
    while size > 0:
        node = queue[head]
        head = 0 if head + 1 == n else head + 1
        size -= 1
        waiting[node] = False
        own, n_touched = labels[node], 0
        total[own] -= degrees[node]
        for at in range(indptr[node], indptr[node + 1]):
            if indices[at] != node:
                label = labels[indices[at]]
                if link[label] == 0.0:
                    touched[n_touched] = label
                    n_touched += 1
                link[label] += weights[at]
        best, gain = own, link[own] - expected * degrees[node] * total[own]
        for label in touched[:n_touched]:
            here = link[label] - expected * degrees[node] * total[label]
            if here > gain + _LEAST:
                best, gain = label, here
        link[touched[:n_touched]] = 0.0
        total[best] += degrees[node]
        if best == own:
            continue
        labels[node] = best
        for at in range(indptr[node], indptr[node + 1]):
            other = indices[at]
            if labels[other] != best and not waiting[other]:
                queue[(head + size) % n] = other
                size += 1
                waiting[other] = True


@_compiled
def refine_within(
    indptr: NDArray[Any],
    indices: NDArray[Any],
    weights: NDArray[np.float64],
    degrees: NDArray[np.float64],
    labels: NDArray[np.int64],
    order: NDArray[np.int64],
    expected: float,
) -> NDArray[np.int64]:
    """Divide communities into parts that are well linked, from single nodes up (the refinement of Leiden, greedy).

    Args:
        indptr: (n + 1,) of the graph, as `indices` and `weights` are.
        indices: neighbours.
        weights: weights of the links.
        degrees: (n,) weight of all links of each node.
        labels: (n,) communities below n.
        order: (n,) in which nodes are visited.
        expected: resolution over the weight of all links.

    Returns:
        (n,) parts below n, each inside a community.
    """
    n = len(degrees)
    part, total, size = np.arange(n), degrees.copy(), np.ones(n, np.int64)
    community, inside = np.zeros(n), np.zeros(n)
    for node in range(n):
        community[labels[node]] += degrees[node]
        for at in range(indptr[node], indptr[node + 1]):
            if indices[at] != node and labels[indices[at]] == labels[node]:
                inside[node] += weights[at]
    outward = inside.copy()
    link, touched = np.zeros(n), np.empty(n, np.int64)
    for node in order:
        own, whole = part[node], community[labels[node]]
        if size[own] != 1 or inside[node] < expected * degrees[node] * (whole - degrees[node]):
            continue
        n_touched = 0
        for at in range(indptr[node], indptr[node + 1]):
            other = indices[at]
            if other != node and labels[other] == labels[node]:
                if link[part[other]] == 0.0:
                    touched[n_touched] = part[other]
                    n_touched += 1
                link[part[other]] += weights[at]
        best, gain = own, 0.0
        for each in touched[:n_touched]:
            here = link[each] - expected * degrees[node] * total[each]
            linked = outward[each] >= expected * total[each] * (whole - total[each])
            if each != own and linked and here > gain + _LEAST:
                best, gain = each, here
        if best != own:
            part[node] = best
            total[best] += degrees[node]
            size[best] += 1
            size[own] = 0
            outward[best] += inside[node] - 2 * link[best]
        link[touched[:n_touched]] = 0.0
    return part


@_compiled
def keep_largest(
    products: NDArray[np.float32],
    first_row: int,
    first_column: int,
    values: NDArray[np.float32],
    columns: NDArray[np.int32],
    both: bool,
) -> None:
    """Keep the k largest entries of each row of a matrix that is seen a tile at a time, and of each column if wanted.

    A heap of the k largest so far is asked about every entry, and hardly ever changed: one pass over the tile.

    Args:
        products: (a, b) the tile; NaN and -inf are left out.
        first_row: of the tile.
        first_column: of the tile.
        values: (n, k) heaps, smallest first, changed in place; -inf where there is none yet.
        columns: (n, k) where they are, changed in place.
        both: whether the matrix is symmetric and the tile's mirror image is not looked at: an entry counts for the row
            of its column too.
    """
    a, b = products.shape
    least = values[first_column : first_column + b, 0].copy()
    for row in range(a):
        own = first_row + row
        for place in range(b):
            value = products[row, place]
            if value > values[own, 0]:
                _put(values[own], columns[own], value, first_column + place)
            if both and value > least[place]:
                _put(values[first_column + place], columns[first_column + place], value, own)
                least[place] = values[first_column + place, 0]


@_compiled
def _put(heap: NDArray[np.float32], at: NDArray[np.int32], value: float, column: int) -> None:
    """Put an entry in the place of the smallest."""
    k, place = len(heap), 0
    while True:
        child = 2 * place + 1
        if child >= k:
            break
        if child + 1 < k and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= value:
            break
        heap[place], at[place] = heap[child], at[child]
        place = child
    heap[place], at[place] = value, column


@_compiled
def cosine_distances(
    candidates: NDArray[np.int32], rows: NDArray[np.float32], vectors: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Measure rows against candidates in float64, each pair summed in one order.

    Args:
        candidates: (m, c) rows of `vectors`, -1 for none.
        rows: (m, d).
        vectors: (n, d).

    Returns:
        (m, c) in [0, 2], inf for none.
    """
    m, c = candidates.shape
    d = vectors.shape[1]
    found = np.empty((m, c), np.float64)
    for row in range(m):
        for place in range(c):
            other = candidates[row, place]
            if other < 0:
                found[row, place] = np.inf
                continue
            # Four sums side by side; one alone waits for itself.
            first, second, third, fourth = 0.0, 0.0, 0.0, 0.0
            whole = d - d % 4
            for at in range(0, whole, 4):
                first += float(rows[row, at]) * float(vectors[other, at])
                second += float(rows[row, at + 1]) * float(vectors[other, at + 1])
                third += float(rows[row, at + 2]) * float(vectors[other, at + 2])
                fourth += float(rows[row, at + 3]) * float(vectors[other, at + 3])
            for at in range(whole, d):
                first += float(rows[row, at]) * float(vectors[other, at])
            found[row, place] = min(max(1.0 - (first + second + third + fourth), 0.0), 2.0)
    return found
