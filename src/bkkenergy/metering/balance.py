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
    """Return the balance of intervals.

    Production that is exported is not used on the spot. Where more is exported than produced, in a short interval of
    two clocks that differ or by a generator that is not metered, self-consumption is zero, never negative.

    Parameters
    ----------
    grid_import_kwh, grid_export_kwh, production_kwh, tenant_kwh : (n,) energy of each interval; NaN where not known.
        Without tenants: None.
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
    """Return what a meter counted beyond its sub-meters; negative where these count more.

    whole_kwh : (n,). parts_kwh : (n, parts). NaN where one of them is not known.
    """
    energy_kwh: FloatArray = whole_kwh - parts_kwh.sum(axis=1)
    return energy_kwh


def share_ratio(part_kwh: FloatArray, whole_kwh: FloatArray) -> float | None:
    """Return the share of a part over the intervals in which both are known; None where the whole is nothing there."""
    both = np.isfinite(part_kwh) & np.isfinite(whole_kwh)
    total_kwh = float(whole_kwh[both].sum())
    return float(part_kwh[both].sum()) / total_kwh if total_kwh > 0 else None


def signed_sum(parts_kwh: FloatArray, signs: FloatArray) -> FloatArray:
    """Return the energy of a virtual meter: (n, parts) times (parts,) of +1 and -1; NaN where a part is not known."""
    energy_kwh: FloatArray = parts_kwh @ signs
    return energy_kwh
