"""What modules and inverters are, from the configuration or from pvlib's CEC tables, in one form."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import Annotated, Any, Self

import numpy as np
import pandas as pd
import scipy
from pydantic import Field, model_validator

from bkkenergy.dated import Cited
from bkkenergy.errors import InputError, WrongValue
from bkkenergy.lazy import pvlib
from bkkenergy.readings import FloatArray
from bkkenergy.texts import Term
from bkkenergy.tomlfiles import Frozen

CEC_MAX_DC_V = 1000.0
"""Of inverters of the CEC table: which the table does not say (NatLabRockies/SAM, issue 1020)."""
CEC = "cec:"
Positive = Annotated[float, Field(gt=0)]
STC_WM2, STC_C = 1000.0, 25.0
MAX_COEFFICIENT_PER_C: dict[str, float] = {"beta_voc_per_c": 0.01, "alpha_isc_per_c": 0.006, "gamma_pmp_per_c": 0.01}
"""No module of the CEC table changes by more. A sheet's -0.35 is per cent, its -0.13 V/°C or 6.7 mA/°C is no share."""
MAX_POWER_ERROR = 0.05
EFFICIENCIES = (0.03, 0.35)
"""Of modules: beyond them a length is in another unit, or a power."""
GRID_WM2 = np.concatenate([[0.5, 2, 5, 10, 20, 35], np.arange(50, 1601, 25.0)])
GRID_C = np.arange(-10.0, 101.0, 5.0)
CEC_SOURCE = "CEC module and inverter tables of 2019-03-05 in SAM's library, as in pvlib"


class Module(Cited):
    """A photovoltaic module at standard test conditions. Voltages fall with temperature: beta is negative.

    Coefficients are shares per degree of the value at 25 °C: -0.35 %/°C is -0.0035.

    cec : the one-diode parameters of the CEC model, where it comes from that table.
    """

    id: str
    name: str
    power_w: Positive
    v_oc_v: Positive
    i_sc_a: Positive
    v_mp_v: Positive
    i_mp_a: Positive
    beta_voc_per_c: Annotated[float, Field(lt=0)]
    alpha_isc_per_c: float
    gamma_pmp_per_c: Annotated[float, Field(lt=0)]
    length_m: Positive
    width_m: Positive
    weight_kg: Positive | None = None
    max_system_v: Positive = 1000.0
    bifaciality: Annotated[float, Field(ge=0, le=1)] = 0.0
    cec: dict[str, float] | None = None
    entered: dt.date | None = None

    @model_validator(mode="after")
    def _can_be(self) -> Self:
        for name, most in MAX_COEFFICIENT_PER_C.items():
            if abs(getattr(self, name)) > most:
                raise WrongValue("module_coefficient", name=name, given=f"{getattr(self, name):g}", most=f"{most:g}")
        if not (self.v_mp_v < self.v_oc_v and self.i_mp_a < self.i_sc_a):
            raise WrongValue("module_point")
        power_w = self.v_mp_v * self.i_mp_a
        if abs(power_w / self.power_w - 1) > MAX_POWER_ERROR:
            raise WrongValue("module_power", power_w=f"{self.power_w:g}", product_w=f"{power_w:.0f}")
        if not EFFICIENCIES[0] <= self.power_w / STC_WM2 / self.area_m2 <= EFFICIENCIES[1]:
            raise WrongValue("module_area", power_w=f"{self.power_w:g}", area_m2=f"{self.area_m2:,.4g}")
        return self

    @property
    def area_m2(self) -> float:
        """Area of its frame."""
        return self.length_m * self.width_m


class Inverter(Cited):
    """An inverter. Currents are bounds of one tracker; mppt_count and strings count its inputs.

    sandia : the parameters of Sandia's model, where it comes from the CEC table.
    """

    id: str
    name: str
    ac_kw: Positive
    max_dc_v: Positive
    mppt_low_v: Positive
    mppt_high_v: Positive
    mppt_count: Annotated[int, Field(ge=1)]
    strings_per_mppt: Annotated[int, Field(ge=1)]
    max_current_a_per_mppt: Positive
    max_isc_a_per_mppt: Positive
    efficiency: Annotated[float, Field(gt=0.5, lt=1)]
    sandia: dict[str, float] | None = None
    entered: dt.date | None = None

    @model_validator(mode="after")
    def _can_be(self) -> Self:
        if not self.mppt_low_v < self.mppt_high_v <= self.max_dc_v:
            raise WrongValue("inverter_window")
        if self.max_isc_a_per_mppt < self.max_current_a_per_mppt:
            raise WrongValue("inverter_currents")
        return self


class PvEquipment(Frozen):
    """The site's own modules and inverters by id; those of the CEC tables need no entry."""

    modules: dict[str, Module]
    inverters: dict[str, Inverter]

    def module(self, name: str) -> Module:
        """Find a module by id, or "cec:NAME". Raises InputError with the nearest names."""
        if name in self.modules:
            return self.modules[name]
        return cec_module(_cec_name(name, "CECMod", Term("module", "solar.module"), self.modules))

    def inverter(self, name: str) -> Inverter:
        """Find an inverter by id, or "cec:NAME". Raises InputError with the nearest names."""
        if name in self.inverters:
            return self.inverters[name]
        return cec_inverter(_cec_name(name, "CECInverter", Term("inverter", "solar.inverter"), self.inverters))


@lru_cache(maxsize=2)
def cec_table(kind: str) -> pd.DataFrame:
    """Return the table of modules or inverters that pvlib brings, a row for each device.

    Parameters
    ----------
    kind : {"CECMod", "CECInverter"}
        Which table.

    Returns
    -------
    DataFrame
        The devices by name.

    References
    ----------
    .. [1] California Energy Commission (CEC), solar equipment lists, as in NREL's System Advisor Model.

    Examples
    --------
    >>> from bkkenergy.solar.module import cec_table
    >>> len(cec_table("CECInverter")) > 1_000
    True
    """
    table: pd.DataFrame = pvlib.pvsystem.retrieve_sam(kind).T
    return table


def _cec_name(name: str, kind: str, what: Term, devices: dict[str, Any]) -> str:
    short = name.removeprefix(CEC)
    table = cec_table(kind)
    if name.startswith(CEC) and short in table.index:
        return short
    like = [known for known in table.index if short.lower().replace(" ", "_") in known.lower()][:5]
    near = ", ".join([*devices, *(CEC + known for known in like)]) or "(none)"
    raise InputError.of("equipment_unknown", what=what, name=repr(name), near=near, cec=CEC)


def cec_module(name: str) -> Module:
    """Return a module of the CEC table.

    Where the table gives no length, a module twice as long as wide is taken.

    Parameters
    ----------
    name : str
        Its name in the table.

    Returns
    -------
    Module
        Power [W], voltages [V], currents [A] and the parameters of the one-diode model.

    References
    ----------
    .. [1] Dobos 2012, "An improved coefficient calculator for the California Energy Commission 6 parameter
       photovoltaic module model", Journal of Solar Energy Engineering 134, 021011.

    Examples
    --------
    >>> from bkkenergy.solar.module import cec_module, cec_table
    >>> name = cec_table("CECMod").index[0]
    >>> cec_module(name).id == f"cec:{name}"
    True
    """
    row: dict[Any, Any] = cec_table("CECMod").loc[name].to_dict()
    area = float(row["A_c"])
    length, width = float(row["Length"]), float(row["Width"])
    if not (length > 0 and width > 0):
        length, width = float(np.sqrt(2 * area)), float(np.sqrt(area / 2))
    names = ("alpha_sc", "a_ref", "I_L_ref", "I_o_ref", "R_s", "R_sh_ref", "Adjust", "T_NOCT")
    return Module(
        id=CEC + name,
        name=name.replace("_", " "),
        power_w=float(row["I_mp_ref"]) * float(row["V_mp_ref"]),
        v_oc_v=float(row["V_oc_ref"]),
        i_sc_a=float(row["I_sc_ref"]),
        v_mp_v=float(row["V_mp_ref"]),
        i_mp_a=float(row["I_mp_ref"]),
        beta_voc_per_c=float(row["beta_oc"]) / float(row["V_oc_ref"]),
        alpha_isc_per_c=float(row["alpha_sc"]) / float(row["I_sc_ref"]),
        gamma_pmp_per_c=float(row["gamma_r"]) / 100,
        length_m=length,
        width_m=width,
        bifaciality=0.0,
        cec={key: float(row[key]) for key in names},
        source=CEC_SOURCE,
    )


def cec_inverter(name: str) -> Inverter:
    """Return an inverter of the CEC table, which has one tracker with one bound of current.

    The table's Vdcmax is the highest voltage of its test, no limit of the device: for the STP 62-US it says 800 V where
    the data sheet has 1,000. So the limit is 1,000 V, the class of such devices, or what the table proves beyond it.

    Parameters
    ----------
    name : str
        Its name in the table.

    Returns
    -------
    Inverter
        Power [kW], voltages [V], currents [A] and the parameters of Sandia's model.

    References
    ----------
    .. [1] King et al. 2007, "Performance model for grid-connected photovoltaic inverters", SAND2007-5036.

    Examples
    --------
    >>> from bkkenergy.solar.module import cec_inverter, cec_table
    >>> 0.8 < cec_inverter(cec_table("CECInverter").index[0]).efficiency < 1
    True
    """
    row: dict[Any, Any] = cec_table("CECInverter").loc[name].to_dict()
    names = ("Paco", "Pdco", "Vdco", "Pso", "C0", "C1", "C2", "C3", "Pnt")
    max_current_a = float(row["Idcmax"])
    return Inverter(
        id=CEC + name,
        name=name.replace("_", " ").strip(),
        ac_kw=float(row["Paco"]) / 1000,
        max_dc_v=max(float(row["Vdcmax"]), float(row["Mppt_high"]), CEC_MAX_DC_V),
        mppt_low_v=float(row["Mppt_low"]),
        mppt_high_v=float(row["Mppt_high"]),
        mppt_count=1,
        strings_per_mppt=100,
        max_current_a_per_mppt=max_current_a,
        max_isc_a_per_mppt=max_current_a * 1.25,
        efficiency=min(0.995, float(row["Paco"]) / float(row["Pdco"])),
        sandia={key: float(row[key]) for key in names},
        source=CEC_SOURCE,
    )


class OneDiode:
    """A module's maximum power point, solved once over irradiance and temperature and read off a spline.

    The CEC model's five parameters by `pvlib.pvsystem.calcparams_cec`, the point by
    `pvlib.pvsystem.max_power_point` (Dobos 2012). Between the nodes a cubic spline: within 0.01 %.
    """

    def __init__(self, module: Module) -> None:
        if module.cec is None:
            raise InputError.of("module_no_cec", id=repr(module.id))
        fitted = {key: value for key, value in module.cec.items() if key != "T_NOCT"}
        at_wm2, at_c = np.meshgrid(GRID_WM2, GRID_C, indexing="ij")
        parameters = pvlib.pvsystem.calcparams_cec(at_wm2, at_c, **fitted)
        point = pvlib.pvsystem.max_power_point(*parameters, method="newton")
        rated_w = self._rated_w(fitted)
        spline = scipy.interpolate.RectBivariateSpline
        self._power = spline(GRID_WM2, GRID_C, point["p_mp"] / rated_w / (at_wm2 / STC_WM2))
        self._volts = spline(GRID_WM2, GRID_C, point["v_mp"])

    @staticmethod
    def _rated_w(cec: dict[str, float]) -> float:
        parameters = pvlib.pvsystem.calcparams_cec(STC_WM2, STC_C, **cec)
        return float(pvlib.pvsystem.max_power_point(*parameters, method="newton")["p_mp"])

    def power_ratio(self, effective_wm2: FloatArray, cell_c: FloatArray) -> FloatArray:
        """Compute power over rated power, at the shape given."""
        ratio: FloatArray = self._power.ev(effective_wm2, cell_c) * effective_wm2 / STC_WM2
        return ratio

    def volts(self, effective_wm2: FloatArray, cell_c: FloatArray) -> FloatArray:
        """Compute the voltage of the maximum power point of one module, V."""
        volts: FloatArray = self._volts.ev(effective_wm2, cell_c)
        return volts


@lru_cache(maxsize=32)
def _one_diode(module_json: str) -> OneDiode:
    return OneDiode(Module.model_validate_json(module_json))


def one_diode(module: Module) -> OneDiode:
    """Return the solved diode of a module, which is stored for the next roof.

    Parameters
    ----------
    module : Module
        A module with CEC parameters.

    Returns
    -------
    OneDiode
        Its maximum power point over irradiance and temperature.

    Raises
    ------
    InputError
        If the module has no CEC parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.solar.module import cec_module, cec_table, one_diode
    >>> diode = one_diode(cec_module(cec_table("CECMod").index[0]))
    >>> round(float(diode.power_ratio(np.array([1000.0]), np.array([25.0]))[0]), 3)
    1.0
    """
    return _one_diode(module.model_dump_json())
