"""Which measures to do within a budget: an exact choice. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from bkkenergy.errors import InputError


@dataclass(frozen=True, slots=True)
class Purchase:
    """Something that can be bought. excludes : of those with the same one at most one is chosen."""

    cost_thb: float
    value: float
    excludes: str


def best_within(choices: Sequence[Purchase], budget_thb: float) -> tuple[int, ...]:
    """Choose what brings most within a budget.

    Parameters
    ----------
    choices : sequence of Purchase
        What can be bought. One that brings nothing is never chosen.
    budget_thb : float
        What may be spent.

    Returns
    -------
    tuple of int
        Positions in `choices`, rising.

    Raises
    ------
    InputError
        If the budget is negative or no number, or the solver finds no answer.

    References
    ----------
    .. [1] Huangfu and Hall 2018, "Parallelizing the dual revised simplex method", Mathematical Programming
       Computation 10: HiGHS, by which the integer programme is solved exactly.

    Examples
    --------
    >>> from bkkenergy.retrofits import Purchase, best_within
    >>> best_within([Purchase(6, 60, "a"), Purchase(5, 50, "b"), Purchase(5, 49, "c")], 10)
    (1, 2)
    """
    if not np.isfinite(budget_thb) or budget_thb < 0:
        raise InputError.of("budget_no_number", budget=budget_thb)
    cost = np.array([choice.cost_thb for choice in choices], np.float64)
    value = np.array([choice.value for choice in choices], np.float64)
    usable = np.flatnonzero((value > 0) & (cost <= budget_thb))
    if len(usable) == 0:
        return ()
    names = [choices[at].excludes for at in usable.tolist()]
    groups = {name: number for number, name in enumerate(dict.fromkeys(names))}
    rows = [groups[name] for name in names]
    each = scipy.sparse.csr_array((np.ones(len(usable)), (rows, range(len(usable)))), shape=(len(groups), len(usable)))
    answer = scipy.optimize.milp(
        -value[usable] / value[usable].max(),
        integrality=np.ones(len(usable)),
        bounds=scipy.optimize.Bounds(0, 1),
        constraints=[
            scipy.optimize.LinearConstraint(cost[usable][None, :], -np.inf, budget_thb),
            scipy.optimize.LinearConstraint(each, -np.inf, 1),
        ],
        options={"mip_rel_gap": 0.0},
    )
    if answer.x is None:
        raise InputError.of("no_choice", reason=answer.message)
    chosen = usable[answer.x > 0.5]  # noqa: PLR2004 - 0 or 1
    return tuple(chosen.tolist())
