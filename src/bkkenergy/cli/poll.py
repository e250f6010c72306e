"""`bkkenergy poll`: meters that are asked over Modbus TCP."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import click

from bkkenergy.adapters.identities import bystander
from bkkenergy.adapters.modbus import DeviceTrouble, ModbusLine
from bkkenergy.adapters.outbound import Outbound
from bkkenergy.cli.context import begin_service, config_option, log_options
from bkkenergy.cli.lang import operator_lang_option
from bkkenergy.errors import InputError
from bkkenergy.i18n import NO_VALUE, Lang, Words
from bkkenergy.ingest.ownclock import is_of_a_set_clock
from bkkenergy.ingest.poll import Poller, by_address, read_once
from bkkenergy.site import load_configuration
from bkkenergy.site.folder import outbound_file
from bkkenergy.site.poll_config import DEVICES, PolledMeter, load_polled, unverified_maps

ROLE = "poll"


@click.command(
    "poll",
    epilog="\b\nExamples:\n  bkkenergy poll --once                            ask each device, publish nothing\n"
    "  bkkenergy poll --log-format json",
)
@click.option("--once", "is_once", is_flag=True, help="Ask each device once, show what it says, and publish nothing.")
@operator_lang_option
@config_option
@log_options
def poll_command(lang: Lang, config_dir: Path, log_level: str, log_format: str, *, is_once: bool) -> None:
    """Ask meters over Modbus TCP, and publish their readings to the broker, until stopped.

    Devices are listed in config/poll.toml, each with the register map of its kind (config/modbus.toml) and its meter.
    Readings wait on disk while the broker is away. A device that does not answer holds up no other.
    """
    begin_service(log_level, log_format)
    config = load_configuration(config_dir)
    polled = load_polled(config.folder, config.portfolio)
    if not polled:
        raise InputError.of("no_device", file=config.folder / DEVICES)
    if is_once:
        _show(polled, Words(lang))
        return
    outbound = Outbound(bystander(config.settings.mqtt, ROLE), outbound_file(config.settings))
    poller = Poller(polled, outbound.put, is_clock_right=lambda: is_of_a_set_clock(time.time()))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: poller.stop())
    outbound.start()
    try:
        poller.run()
    finally:
        outbound.stop()


def _show(polled: tuple[PolledMeter, ...], words: Words) -> None:
    is_well = True
    if unverified := unverified_maps(polled):
        click.echo(words("command.poll_unverified", names=", ".join(unverified)))
    for devices in by_address(polled):
        with ModbusLine(devices[0].device.host, devices[0].device.port, devices[0].device.timeout_s) as line:
            for one in devices:
                try:
                    reading = read_once(line, one)
                except DeviceTrouble as error:
                    is_well = False
                    click.echo(f"{one.device.meter}: {error.said(words.lang)}")
                    continue
                shown = ", ".join(f"{name} {value:g}" for name, value in reading.values.items())
                click.echo(f"{one.device.meter}: {shown or NO_VALUE}")
                for why in reading.lacking.values():
                    click.echo(f"  {why.said(words.lang)}")
    if not is_well:
        raise SystemExit(1)
