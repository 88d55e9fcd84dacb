"""The best one-to-one assignment, without scipy (which would add tens of megabytes to the box's memory).

Most frames are easy: a track and a detection that are each other's only candidate. Those are paired at once; the
few that compete go through the Hungarian method in the shortest-path form of Jonker and Volgenant (1987).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.int64]


def assign(similarity: Array, least: float) -> tuple[Index, Index]:
    """Pairs (rows, columns) that maximise the summed similarity (T, D), none of them below ``least``."""
    candidate = similarity >= least
    rows: list[int] = []
    columns: list[int] = []
    alone_row, alone_column = candidate.sum(1) == 1, candidate.sum(0) == 1
    easy = candidate & alone_row[:, None] & alone_column[None, :]
    for row, column in np.argwhere(easy):
        rows.append(int(row))
        columns.append(int(column))
    candidate[rows] = False
    open_rows, open_columns = np.flatnonzero(candidate.any(1)), np.flatnonzero(candidate.any(0))
    if len(open_rows):
        left = np.where(candidate, similarity, 0.0)[np.ix_(open_rows, open_columns)]
        for row, column in _hungarian(left):
            if left[row, column] > 0:
                rows.append(int(open_rows[row]))
                columns.append(int(open_columns[column]))
    return np.array(rows, np.int64), np.array(columns, np.int64)


def _hungarian(similarity: Array) -> list[tuple[int, int]]:
    """Every row of the shorter side paired so that the sum is greatest."""
    if similarity.shape[0] > similarity.shape[1]:
        return [(row, column) for column, row in _hungarian(similarity.T)]
    cost = -similarity
    n, m = cost.shape
    row_price, column_price = np.zeros(n + 1), np.zeros(m + 1)
    partner = np.zeros(m + 1, np.int64)  # row of each column, 1-based; 0 is free
    for row in range(1, n + 1):
        _augment(cost, row, row_price, column_price, partner)
    return [(int(partner[column]) - 1, column - 1) for column in range(1, m + 1) if partner[column]]


def _augment(cost: Array, row: int, row_price: Array, column_price: Array, partner: Index) -> None:
    """Let one more row in along the cheapest alternating path."""
    m = cost.shape[1]
    partner[0] = row
    least, before = np.full(m + 1, np.inf), np.zeros(m + 1, np.int64)
    used = np.zeros(m + 1, bool)
    column = 0
    while True:
        used[column] = True
        reduced = cost[partner[column] - 1] - row_price[partner[column]] - column_price[1:]
        better = ~used[1:] & (reduced < least[1:])
        least[1:][better] = reduced[better]
        before[1:][better] = column
        free = np.where(used, np.inf, least)
        following = int(free[1:].argmin()) + 1
        step = free[following]
        row_price[partner[used]] += step
        column_price[used] -= step
        least[~used] -= step
        column = following
        if partner[column] == 0:
            break
    while column:
        partner[column] = partner[before[column]]
        column = int(before[column])
