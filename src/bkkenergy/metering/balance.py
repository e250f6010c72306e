"""The energy balance of a building: what comes from the grid, goes back, is produced and is used."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bkkenergy.readings import FloatArray


@dataclass(frozen=True, slots=True)
class Balance:
    """Energy of each interval, all (n,) kWh; NaN where one of its parts is not known.

    grid_import_kwh, grid_export_kwh : through the main meters. production_kwh : by the PV meters; zeros without PV.
    tenant_kwh : what tenants used; zeros without tenants.
    self_consumption_kwh : production that was used on the spot.
    gross_use_kwh : what the building used: import + production - export - tenants.
    """

    grid_import_kwh: FloatArray
    grid_export_kwh: FloatArray
    production_kwh: FloatArray
    tenant_kwh: FloatArray
    self_consumption_kwh: FloatArray
    gross_use_kwh: FloatArray


def balance(
    grid_import_kwh: FloatArray,
    grid_export_kwh: FloatArray,
    production_kwh: FloatArray,
    tenant_kwh: FloatArray | None = None,
) -> Balance:
    """Compute where a building's energy comes from and goes, in each interval.

    Production that is exported is not used on the spot. Where more is exported than produced, in a short interval
    of two clocks that differ or by a generator that is not metered, self-consumption is zero, never negative.

    Parameters
    ----------
    grid_import_kwh, grid_export_kwh : (n,) array
        Energy through the main meters [kWh]; NaN where not known.
    production_kwh : (n,) array
        Energy by the PV meters [kWh]; zeros without PV.
    tenant_kwh : (n,) array, optional
        What tenants used [kWh].

    Returns
    -------
    Balance
        The parts, and gross use = import + production - export - tenants [kWh].

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.metering.balance import balance
    >>> found = balance(np.array([5.0, 0.0]), np.array([0.0, 2.0]), np.array([1.0, 8.0]))
    >>> found.gross_use_kwh.tolist(), found.self_consumption_kwh.tolist()
    ([6.0, 6.0], [1.0, 6.0])
    """
    tenants = np.zeros_like(grid_import_kwh) if tenant_kwh is None else tenant_kwh
    return Balance(
        grid_import_kwh,
        grid_export_kwh,
        production_kwh,
        tenants,
        np.maximum(production_kwh - grid_export_kwh, 0.0),
        grid_import_kwh + production_kwh - grid_export_kwh - tenants,
    )


def rest_kwh(whole_kwh: FloatArray, parts_kwh: FloatArray) -> FloatArray:
    """Compute what a meter counted beyond its sub-meters.

    Parameters
    ----------
    whole_kwh : (n,) array
        Energy of the meter [kWh].
    parts_kwh : (n, parts) array
        Energy of its sub-meters [kWh].

    Returns
    -------
    (n,) array
        The rest [kWh]: negative where sub-meters count more, NaN where one of them is not known.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.metering.balance import rest_kwh
    >>> rest_kwh(np.array([10.0, 10.0]), np.array([[4.0, 3.0], [4.0, np.nan]])).tolist()
    [3.0, nan]
    """
    energy_kwh: FloatArray = whole_kwh - parts_kwh.sum(axis=1)
    return energy_kwh


def share_ratio(part_kwh: FloatArray, whole_kwh: FloatArray) -> float | None:
    """Compute the share of a part, over the intervals in which part and whole are known.

    Parameters
    ----------
    part_kwh, whole_kwh : (n,) array
        Energy of each interval [kWh]; NaN where not known.

    Returns
    -------
    float or None
        The share, 0 to 1; None where the whole is nothing.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.metering.balance import share_ratio
    >>> share_ratio(np.array([1.0, 2.0, np.nan]), np.array([4.0, 4.0, 4.0]))
    0.375
    """
    both = np.isfinite(part_kwh) & np.isfinite(whole_kwh)
    total_kwh = float(whole_kwh[both].sum())
    return float(part_kwh[both].sum()) / total_kwh if total_kwh > 0 else None


def signed_sum(parts_kwh: FloatArray, signs: FloatArray) -> FloatArray:
    """Compute the energy of a virtual meter.

    Parameters
    ----------
    parts_kwh : (n, parts) array
        Energy of the meters it names [kWh].
    signs : (parts,) array
        +1 for what is added, -1 for what is taken off.

    Returns
    -------
    (n,) array
        Their sum [kWh]; NaN where a part is not known.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.metering.balance import signed_sum
    >>> signed_sum(np.array([[10.0, 3.0], [8.0, 2.0]]), np.array([1.0, -1.0])).tolist()
    [7.0, 6.0]
    """
    energy_kwh: FloatArray = parts_kwh @ signs
    return energy_kwh
