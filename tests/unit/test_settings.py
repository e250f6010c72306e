import tomllib

import pytest
from structlog.testing import capture_logs

from bkkenergy.adapters.identities import bystander
from bkkenergy.errors import ConfigError
from bkkenergy.recipients import Recipient
from bkkenergy.settings import MqttSettings, ReportSchedule, Settings, load_settings


def settings_of(tmp_path, text, **environment):
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "bkkenergy.toml").write_text(text)
    return load_settings(folder, environment)


def test_an_empty_file_gives_the_defaults_with_paths_beside_the_folder(tmp_path):
    settings = settings_of(tmp_path, "")
    assert settings.mqtt.port == 1883
    assert settings.store.path == tmp_path / "var/bkkenergy.sqlite"


def test_every_fault_of_the_file_is_told_at_once(tmp_path):
    with pytest.raises(ConfigError) as caught:
        settings_of(tmp_path, '[mqtt]\nport = 99999\nhots = "x"\n[store]\nkind = "oracle"\n')
    message = str(caught.value)
    assert len(caught.value.faults) == 3
    for part in (
        "bkkenergy.toml: mqtt.port",
        "mqtt.hots",
        "not known",
        "store.kind",
        "'sqlite', 'influx' or 'postgresql'",
    ):
        assert part in message


@pytest.mark.parametrize("text", ['[mqtt]\npassword = "x"', '[store.influx]\ntoken = "x"'])
def test_a_secret_in_the_file_is_a_fault_that_says_where_it_belongs(tmp_path, text):
    with pytest.raises(ConfigError, match=r"\$BKKENERGY_|_file"):
        settings_of(tmp_path, text)


def test_secrets_come_from_the_environment_or_a_file(tmp_path):
    (tmp_path / "token").write_text("t0ken\n")
    settings = settings_of(tmp_path, '[store.influx]\ntoken_file = "token"', BKKENERGY_MQTT_PASSWORD="pa55")
    assert settings.mqtt.password.get_secret_value() == "pa55"
    assert settings.store.influx.token.get_secret_value() == "t0ken"
    assert "pa55" not in repr(settings)
    assert "t0ken" not in repr(settings)


def test_a_secret_file_that_is_absent_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"no-such-file: the secret cannot be read"):
        settings_of(tmp_path, '[mqtt]\npassword_file = "no-such-file"')


def test_a_certificate_without_its_key_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="cert_file and key_file go together"):
        settings_of(tmp_path, '[mqtt.tls]\ncert_file = "a.crt"')


def test_broken_toml_says_the_line(tmp_path):
    with pytest.raises(ConfigError, match="line 1"):
        settings_of(tmp_path, "mqtt = oops\n")


SECRETS = {"password", "token", "url", "secret_key"}


def test_what_the_shipped_file_shows_as_defaults_are_the_defaults(config_dir):
    """The commented lines are documentation, and must not lie."""
    lines = (config_dir / "bkkenergy.toml").read_text().splitlines()
    shown = [line.removeprefix("# ") if "=" in line or line.startswith("# [") else line for line in lines[3:]]
    table = tomllib.loads("\n".join(shown))
    files = {
        "username",
        "password_file",
        "token_file",
        "ca_file",
        "cert_file",
        "key_file",
        "url_file",
        "share_file",
        "secret_file",
        "sign_key_file",
        "secret_key_file",
    }
    for section in set(Settings.model_fields) - {"recipient"}:
        model = getattr(Settings(), section)
        undocumented = set(type(model).model_fields) - table[section].keys() - SECRETS
        assert not undocumented, f"[{section}] does not show {undocumented}"
        for key, value in table[section].items():
            if key not in files | {"tls", "influx", "postgresql", "schedule", "oidc", "bounces"} and (section, key) != (
                "mail",
                "host",
            ):
                default = getattr(model, key)
                assert value == (
                    str(default)
                    if key in {"path", "folder", "spool"}
                    else list(default)
                    if isinstance(default, tuple)
                    else default
                )
    assert tuple(ReportSchedule(**line) for line in table["jobs"]["schedule"]) == Settings().jobs.schedule
    assert [Recipient(**line).channel for line in table["recipient"]] == ["mail", "webhook", "line"]
    kept = {name for line in table["recipient"] for name in line}
    assert set(Recipient.model_fields) == kept


def test_recipients_are_held_to_what_their_channel_needs(tmp_path):
    with pytest.raises(ConfigError) as caught:
        settings_of(tmp_path, '[[recipient]]\nto = "somchai"\n[[recipient]]\nchannel = "line"\nto = "U123"\n')
    assert "no mail address" in str(caught.value)
    assert "a line needs its secret_file" in str(caught.value)


def test_who_looks_on_never_joins_the_shared_group():
    mqtt = Settings().mqtt.model_copy(update={"share": "bkkenergy", "client_id": "ingest-1"})
    own = bystander(mqtt, "doctor")
    assert own.share == ""
    assert own.client_id.startswith("bkkenergy-doctor-")


def test_a_file_that_begins_with_a_byte_order_mark_is_read(tmp_path):
    """Notepad of Windows writes one; what was said then was "invalid statement at line 1, column 1"."""
    (tmp_path / "bkkenergy.toml").write_bytes(b"\xef\xbb\xbf[mqtt]\nport = 1884\n")
    assert load_settings(tmp_path).mqtt.port == 1884


def test_a_helper_without_a_user_of_its_own_says_what_that_may_do(tmp_path):
    (tmp_path / "mqtt-password").write_text("secret")
    mqtt = MqttSettings(username="bkkenergy", password_file=tmp_path / "mqtt-password")
    with capture_logs() as logs:
        assert bystander(mqtt, "listen").username == "bkkenergy"
        (tmp_path / "mqtt-password-listen").write_text("other\n")
        own = bystander(mqtt, "listen")
    assert [entry["event"] for entry in logs] == ["helper_has_the_ingesters_user"]
    assert "meters passwords" in logs[0]["remedy"]
    assert (own.username, own.password.get_secret_value()) == ("bkkenergy-listen", "other")
