"""The service's settings: one frozen model read once from config/bkkenergy.toml and passed down."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator

from bkkenergy.errors import ConfigError, Fault, WrongValue
from bkkenergy.recipients import (
    ALL,
    MAIL_PASSWORD_VARIABLE,
    LineSettings,
    MailSettings,
    PaperKind,
    Port,
    Recipient,
    ReportFormat,
    ReportKind,
    ReportLang,
)
from bkkenergy.tomlfiles import Frozen, has_key, read_secret, read_toml, validated
from bkkenergy.websettings import WebSettings

FILE_NAME = "bkkenergy.toml"
MQTT_PASSWORD_VARIABLE = "BKKENERGY_MQTT_PASSWORD"  # noqa: S105 - a name, not a secret
INFLUX_TOKEN_VARIABLE = "BKKENERGY_INFLUX_TOKEN"  # noqa: S105 - a name, not a secret
ARCHIVE_KEY_VARIABLE = "BKKENERGY_ARCHIVE_KEY"
STATE_URL_VARIABLE = "BKKENERGY_STATE_URL"
LEDGER_URL_VARIABLE = "BKKENERGY_LEDGER_URL"
READINGS_URL_VARIABLE = "BKKENERGY_READINGS_URL"

Ratio = Annotated[float, Field(ge=0, le=1)]
Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class MqttTls(Frozen):
    """Encryption to the broker. Without `ca_file` the system's authorities are trusted."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    @model_validator(mode="after")
    def _certificate_has_its_key(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise WrongValue("cert_and_key")
        return self


class MqttSettings(Frozen):
    """Where the broker is and how to speak to it."""

    host: str = "127.0.0.1"
    port: Port = 1883
    protocol: Literal["auto", "5", "3.1.1"] = "auto"
    transport: Literal["tcp", "websockets"] = "tcp"
    websocket_path: Annotated[str, Field(pattern=r"^/[!-~]*$", max_length=500)] = "/mqtt"
    client_id: Annotated[str, Field(min_length=1, max_length=64)] = "bkkenergy-ingest"
    username: str | None = None
    password: SecretStr | None = Field(default=None, description=f"from ${MQTT_PASSWORD_VARIABLE} or password_file")
    password_file: Path | None = None
    tls: MqttTls | None = None
    topics: tuple[str, ...] = ("bma/+/+/+/readings",)
    share: Annotated[str, Field(pattern="^[^/+#]*$")] = ""
    share_file: Path | None = None
    sparkplug_host_id: Annotated[str, Field(pattern="^[^/+#]*$", max_length=64)] = "bkkenergy"
    keepalive_s: Annotated[int, Field(ge=5, le=3600)] = 60
    session_expiry_s: Annotated[int, Field(ge=60, le=4_294_967_295)] = 7 * 86_400
    receive_maximum: Annotated[int, Field(ge=10, le=65_535)] = 10_000
    reader: Literal["bulk", "paho"] = "bulk"
    reconnect_max_s: Annotated[int, Field(ge=1, le=3600)] = 30
    canary_s: Annotated[float, Field(ge=0, le=3600)] = 60.0


class IngestSettings(Frozen):
    """How messages are gathered into batches, and what is refused."""

    batch_readings: Annotated[int, Field(ge=1, le=100_000)] = 10_000
    linger_s: Annotated[float, Field(ge=0, le=10)] = 0.25
    max_ahead_s: Annotated[int, Field(ge=0)] = 300
    max_payload_bytes: Annotated[int, Field(ge=1000)] = 2_000_000
    store_retry_max_s: Annotated[float, Field(gt=0)] = 30.0
    quarantine_max_messages: Annotated[int, Field(ge=10)] = 100_000
    quarantine_max_bytes: Annotated[int, Field(ge=10_000)] = 200_000_000
    spool: Path | None = Path("var/spool")
    spool_max_bytes: Annotated[int, Field(ge=100_000)] = 2_000_000_000
    stuck_after_s: Annotated[int, Field(ge=3600)] = 86_400


class InfluxSettings(Frozen):
    """An InfluxDB server: `bucket` is the bucket of 2.x and 3, the database of 1.x."""

    url: str = "http://127.0.0.1:8086"
    api: Literal["auto", "v1", "v2"] = "auto"
    bucket: str = "bkkenergy"
    org: str = "bma"
    username: str | None = None
    token: SecretStr | None = Field(default=None, description=f"from ${INFLUX_TOKEN_VARIABLE} or token_file")
    token_file: Path | None = None
    timeout_s: Annotated[float, Field(gt=0)] = 30.0


class PostgresSettings(Frozen):
    """Readings in a PostgreSQL, by its SQLAlchemy URL. Without a URL it is the ledger's, or else the state's."""

    url: SecretStr | None = Field(default=None, description=f"from ${READINGS_URL_VARIABLE} or url_file")
    url_file: Path | None = None


StoreKind = Literal["sqlite", "influx", "postgresql"]


class StoreSettings(Frozen):
    """Where readings live, and how long. `path` also holds the energy ledger, unless that has a server.

    raw_years : older readings are purged, once their days are in the energy ledger; 0 purges nothing.
    """

    kind: StoreKind = "sqlite"
    path: Path = Path("var/bkkenergy.sqlite")
    raw_years: Annotated[int, Field(ge=0, le=100)] = 3
    influx: InfluxSettings = InfluxSettings()
    postgresql: PostgresSettings = PostgresSettings()


class ObserveSettings(Frozen):
    """Where /metrics, /healthz and /readyz answer; port 0 turns them off.

    port : of `ingest` and `serve`. jobs_port, web_port : of `jobs start` and `web`. traces : where a collector takes
    OTLP over HTTP; "" for no traces.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 9180
    jobs_port: Annotated[int, Field(ge=0, le=65_535)] = 0
    web_port: Annotated[int, Field(ge=0, le=65_535)] = 0
    traces: str = ""
    ready_backlog_s: Annotated[float, Field(gt=0)] = 60.0


class MeteringSettings(Frozen):
    """How gaps in the readings are treated."""

    max_estimated_gap_s: Annotated[int, Field(ge=0)] = 7200


class BaselineSettings(Frozen):
    """Who decides on baselines that the scheduler fits when enough days are there.

    accept : "person" proposes each, and a person accepts it; "first" accepts a building's first by itself; "every"
    accepts those after it as well, every two years.
    """

    accept: Literal["person", "first", "every"] = "person"


class ReportSettings(Frozen):
    """What a report calls worth attention, and where reports go. The archive of scheduled reports is in it."""

    folder: Path = Path("var/reports")
    languages: tuple[ReportLang, ...] = ("th", "en")
    formats: tuple[ReportFormat, ...] = ("html", "json", "csv")
    min_coverage_ratio: Ratio = 0.9
    notable_change_ratio: Ratio = 0.15
    compared_weeks: Annotated[int, Field(ge=1, le=52)] = 4


class ArchiveSettings(Frozen):
    """Where archived reports lie: in `report.folder`, or in a bucket of an S3-compatible object store that hosts share.

    endpoint : http(s)://HOST:PORT of the store; left out, AWS's of the region. The bucket must be there.
    """

    kind: Literal["folder", "s3"] = "folder"
    endpoint: Annotated[str, Field(pattern=r"^(https?://[^/\s]+/?)?$")] = ""
    bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")] = "bkkenergy"
    region: str = "us-east-1"
    access_key_id: str = ""
    secret_key: SecretStr | None = Field(default=None, description=f"from ${ARCHIVE_KEY_VARIABLE} or secret_key_file")
    secret_key_file: Path | None = None
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 30.0


class StateSettings(Frozen):
    """Where the service's own memory lives: an SQLAlchemy URL, which hosts share, or a file beside the store.

    Runs, deliveries, alerts, the plan, users, baselines, and what ingesters refuse, count and note. settings_number :
    raised on the first of several hosts that changes its settings, which the others follow.
    """

    url: SecretStr | None = Field(default=None, description=f"from ${STATE_URL_VARIABLE} or url_file")
    url_file: Path | None = None
    path: Path = Path("var/state.sqlite")
    settings_number: Annotated[int, Field(ge=1, le=1_000_000_000)] = 1


class BackupSettings(Frozen):
    """Who can read backups, and by what key it is known that they are ours.

    recipients : public keys of age, whose secret keys are stored elsewhere; without one backups are not encrypted.
    sign_key_file : a random text that signs a backup's list of files, and is asked for when one is restored.
    """

    recipients: tuple[Annotated[str, Field(pattern=r"^age1[02-9ac-hj-np-z]{58}$")], ...] = ()
    sign_key_file: Path | None = None


class LogServerSettings(Frozen):
    """A server of the operator's to which lines of the audit log are sent, by syslog over TCP. `host`: "" for none.

    tls : "none" only where no stranger is between the two. Without `ca_file` the system's authorities are trusted.
    """

    host: str = ""
    port: Port = 6514
    tls: Literal["tls", "none"] = "tls"
    ca_file: Path | None = None
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 15.0


class PortfolioSettings(Frozen):
    """Where agencies, buildings and meters are entered: in files, or in the state.

    source : "files" reads config/portfolio, and nothing can be changed by the app; "state" reads the records of the
    state; "auto" reads the state once something was imported there, else the files.
    """

    source: Literal["auto", "files", "state"] = "auto"


class LedgerSettings(Frozen):
    """Where the energy ledger lives: a PostgreSQL by its SQLAlchemy URL.

    Without a URL it is the state's PostgreSQL, or else the file of `store.path`.
    """

    url: SecretStr | None = Field(default=None, description=f"from ${LEDGER_URL_VARIABLE} or url_file")
    url_file: Path | None = None


class ReportSchedule(Frozen):
    """When reports of a kind are due: at an hour, for months, quarters and fiscal years on a day of the month after.

    papers : that are archived beside the energy report; those of its kind where none are named.
    """

    kind: ReportKind
    at: Clock = "07:00"
    day: Annotated[int, Field(ge=1, le=28)] = 1
    agencies: Annotated[tuple[str, ...], Field(min_length=1)] = (ALL,)
    formats: tuple[ReportFormat, ...] | None = None
    languages: tuple[ReportLang, ...] | None = None
    papers: tuple[PaperKind, ...] | None = None


class JobsSettings(Frozen):
    """What is reported when, how often it is tried, and how far back it is caught up."""

    schedule: tuple[ReportSchedule, ...] = (
        ReportSchedule(kind="day"),
        ReportSchedule(kind="month", at="07:30", day=2),
        ReportSchedule(kind="quarter", at="07:45", day=4),
        ReportSchedule(kind="fiscal_year", at="08:00", day=5),
    )
    tick_s: Annotated[float, Field(gt=0, le=600)] = 15.0
    lease_s: Annotated[float, Field(gt=0)] = 60.0
    max_tries: Annotated[int, Field(ge=1)] = 6
    retry_first_s: Annotated[float, Field(gt=0)] = 60.0
    retry_max_s: Annotated[float, Field(gt=0)] = 3600.0
    catch_up_periods: Annotated[int, Field(ge=1, le=400)] = 14
    late_days: Annotated[int, Field(ge=0, le=60)] = 7
    late_change_ratio: Ratio = 0.001


class AlertSettings(Frozen):
    """What is sent at once rather than in a report, and in which hours nothing is sent."""

    every_min: Annotated[float, Field(gt=0)] = 5.0
    quiet_from: Clock = "20:00"
    quiet_to: Clock = "06:30"
    digest_min: Annotated[float, Field(ge=0)] = 60.0
    silent_h: Annotated[float, Field(gt=0)] = 3.0
    near_peak_ratio: Annotated[float, Field(gt=0, le=2)] = 0.95
    finding_thb: Annotated[float, Field(ge=0)] = 5000.0


class Settings(Frozen):
    """Every setting of the service, with its default."""

    mqtt: MqttSettings = MqttSettings()
    ingest: IngestSettings = IngestSettings()
    store: StoreSettings = StoreSettings()
    observe: ObserveSettings = ObserveSettings()
    metering: MeteringSettings = MeteringSettings()
    baseline: BaselineSettings = BaselineSettings()
    report: ReportSettings = ReportSettings()
    archive: ArchiveSettings = ArchiveSettings()
    state: StateSettings = StateSettings()
    backup: BackupSettings = BackupSettings()
    log_server: LogServerSettings = LogServerSettings()
    portfolio: PortfolioSettings = PortfolioSettings()
    ledger: LedgerSettings = LedgerSettings()
    jobs: JobsSettings = JobsSettings()
    mail: MailSettings = MailSettings()
    line: LineSettings = LineSettings()
    recipient: tuple[Recipient, ...] = ()
    alerts: AlertSettings = AlertSettings()
    web: WebSettings = WebSettings()


def load_settings(config_dir: Path, environment: Mapping[str, str] | None = None) -> Settings:
    """Load the settings of config_dir/bkkenergy.toml with secrets filled in.

    Relative paths count from the folder that holds `config_dir`. Raises ConfigError.
    """
    path = config_dir / FILE_NAME
    table = read_toml(path)
    secrets = [
        Fault.of("settings_secret", f"{path}: {section}.{key}", variable=variable, name=key)
        for section, key, variable in (
            ("mqtt", "password", MQTT_PASSWORD_VARIABLE),
            ("store.influx", "token", INFLUX_TOKEN_VARIABLE),
            ("mail", "password", MAIL_PASSWORD_VARIABLE),
            ("archive", "secret_key", ARCHIVE_KEY_VARIABLE),
            ("state", "url", STATE_URL_VARIABLE),
            ("ledger", "url", LEDGER_URL_VARIABLE),
            ("store.postgresql", "url", READINGS_URL_VARIABLE),
        )
        if has_key(table, f"{section}.{key}")
    ]
    settings, faults = validated(Settings, table, f"{path}:")
    if settings is None or secrets:
        raise ConfigError(secrets + faults)
    return _placed(settings, config_dir.resolve().parent, os.environ if environment is None else environment)


def _placed(settings: Settings, home: Path, environment: Mapping[str, str]) -> Settings:
    """Return the settings with absolute paths and secrets read."""
    mqtt, ingest, mail, state = settings.mqtt, settings.ingest, settings.mail, settings.state
    tls = mqtt.tls and mqtt.tls.model_copy(
        update={name: home / path for name, path in mqtt.tls if isinstance(path, Path)}
    )
    password_file = mqtt.password_file and home / mqtt.password_file
    state_url = _secret(environment, STATE_URL_VARIABLE, state.url_file, home)
    ledger_url = _secret(environment, LEDGER_URL_VARIABLE, settings.ledger.url_file, home)
    return settings.model_copy(
        update={
            "mqtt": mqtt.model_copy(
                update={
                    "client_id": mqtt.client_id.replace("{host}", socket.gethostname()),
                    "password": _secret(environment, MQTT_PASSWORD_VARIABLE, password_file, home),
                    "password_file": password_file,
                    "tls": tls,
                    "share": _share(mqtt, home),
                }
            ),
            "store": _store_placed(settings.store, home, environment, (ledger_url, state_url)),
            "ingest": ingest.model_copy(update={"spool": ingest.spool and home / ingest.spool}),
            "archive": _archive_placed(settings.archive, home, environment),
            "report": settings.report.model_copy(update={"folder": home / settings.report.folder}),
            "state": state.model_copy(update={"path": home / state.path, "url": state_url}),
            "ledger": settings.ledger.model_copy(update={"url": ledger_url}),
            "log_server": settings.log_server.model_copy(
                update={"ca_file": settings.log_server.ca_file and home / settings.log_server.ca_file}
            ),
            "mail": mail.model_copy(
                update={
                    "password": _secret(environment, MAIL_PASSWORD_VARIABLE, mail.password_file, home),
                    "ca_file": mail.ca_file and home / mail.ca_file,
                    "bounces": mail.bounces
                    and mail.bounces.model_copy(update={"password_file": home / mail.bounces.password_file}),
                }
            ),
            "line": settings.line.model_copy(
                update={"secret_file": settings.line.secret_file and home / settings.line.secret_file}
            ),
            "web": _web_placed(settings.web, home),
            "recipient": tuple(
                recipient.model_copy(update={"secret_file": recipient.secret_file and home / recipient.secret_file})
                for recipient in settings.recipient
            ),
        }
    )


def _store_placed(
    store: StoreSettings, home: Path, environment: Mapping[str, str], others: Sequence[SecretStr | None]
) -> StoreSettings:
    """Return where readings live, with secrets read. others : URLs of ledger and state, where readings may live too."""
    token = _secret(environment, INFLUX_TOKEN_VARIABLE, store.influx.token_file, home)
    given = _secret(environment, READINGS_URL_VARIABLE, store.postgresql.url_file, home)
    server = next((url for url in (given, *others) if url and is_postgresql(url)), None)
    if store.kind == "postgresql" and (server is None or (given and server is not given)):
        raise ConfigError([Fault.of("store_no_server", f"${READINGS_URL_VARIABLE}")])
    return store.model_copy(
        update={
            "path": home / store.path,
            "influx": store.influx.model_copy(update={"token": token}),
            "postgresql": store.postgresql.model_copy(update={"url": server}),
        }
    )


def _archive_placed(archive: ArchiveSettings, home: Path, environment: Mapping[str, str]) -> ArchiveSettings:
    """Return where archived reports lie, with the secret read."""
    key = _secret(environment, ARCHIVE_KEY_VARIABLE, archive.secret_key_file, home)
    return archive.model_copy(update={"secret_key": key})


def is_postgresql(url: SecretStr) -> bool:
    """Return whether a URL is of a PostgreSQL."""
    return url.get_secret_value().startswith("postgresql")


def _share(mqtt: MqttSettings, home: Path) -> str:
    """Return the name of the shared group. Who knows it takes its messages, so it may be a secret in a file."""
    if mqtt.share_file is None:
        return mqtt.share
    secret = _secret({}, "", mqtt.share_file, home)
    name = secret.get_secret_value() if secret else ""
    if mqtt.share or not name or set("/+#") & set(name):
        raise ConfigError([Fault.of("share_both" if mqtt.share else "share_no_name", str(home / mqtt.share_file))])
    return name


def _web_placed(web: WebSettings, home: Path) -> WebSettings:
    if web.oidc is None or web.oidc.client_secret_file is None:
        return web
    placed = web.oidc.model_copy(update={"client_secret_file": home / web.oidc.client_secret_file})
    return web.model_copy(update={"oidc": placed})


def _secret(environment: Mapping[str, str], variable: str, file: Path | None, home: Path) -> SecretStr | None:
    if value := environment.get(variable):
        return SecretStr(value)
    if file is None:
        return None
    return SecretStr(read_secret(home / file))
