"""The reference of all settings: `python -m tests.reference_settings` writes docs/en/reference/settings.md.

Keys, their order and their words come from the shipped bkkenergy.toml, defaults from the program.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from pydantic import BaseModel

from bkkenergy.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
SOURCE, PAGE = ROOT / "config/bkkenergy.toml", ROOT / "docs/en/reference/settings.md"
HEAD = """# Settings

Every key of `bkkenergy.toml`, made from the file that `bkkenergy init` writes (`make docs`). A key that is left out has its
default. Paths count from the folder that holds `config/`. Passwords and tokens are in files that `…_file` names, or in the environment:
`BKKENERGY_MQTT_PASSWORD`, `BKKENERGY_INFLUX_TOKEN`, `BKKENERGY_MAIL_PASSWORD`.
"""
SECTION = re.compile(r"(?:# )?(\[\[?[\w.]+\]?\])(?:\s+# (.*))?$")
KEY = re.compile(r"(?:# )?(\w+) = ((?:\"[^\"]*\"|\[[^\]]*\]|[^\s#])+)(?:\s+# (.*))?$")
CONTINUED = re.compile(r"\s+# (.*)$")


@dataclass(frozen=True, slots=True)
class Setting:
    """A key of a section, with the value that the file shows and what the file says of it."""

    section: str
    key: str
    value: str
    text: str


def settings(text: str) -> Iterator[Setting]:
    """List all keys of the file in order; a comment that goes on over lines is one text."""
    section, waiting = "", None
    for line in text.splitlines():
        if found := SECTION.match(line):
            section = found[1]
        elif found := KEY.match(line):
            if waiting:
                yield waiting
            waiting = Setting(section, found[1], found[2], found[3] or "")
        elif waiting and (found := CONTINUED.match(line)):
            waiting = Setting(waiting.section, waiting.key, waiting.value, f"{waiting.text} {found[1]}")
    if waiting:
        yield waiting


def model_of(section: str) -> type[BaseModel]:
    """Return the model that reads a section, which may be optional or a list."""
    model: type[BaseModel] = Settings
    for name in section.strip("[]").split("."):
        annotation = model.model_fields[name].annotation
        models = [each for each in (annotation, *get_args(annotation)) if isinstance(each, type)]
        model = next(each for each in models if issubclass(each, BaseModel))
    return model


def default_of(setting: Setting) -> str:
    """Return a setting's default by the program as TOML, or an example where it has none."""
    field = model_of(setting.section).model_fields[setting.key]
    default = field.get_default(call_default_factory=True, validated_data={})
    if field.is_required() or default in (None, "", ()):
        return f"none; such as `{setting.value}`" if setting.value not in {'""', "[]"} else "none"
    plain = list(default) if isinstance(default, tuple) else str(default) if isinstance(default, Path) else default
    shown = [
        f"{item:%H:%M}" if isinstance(item, dt.time) else item
        for item in (plain if isinstance(plain, list) else [plain])
    ]
    return f"`{json.dumps(shown if isinstance(plain, list) else shown[0])}`"


def reference() -> str:
    """Return the page."""
    page, section, seen = [HEAD], "", set[tuple[str, str]]()
    for setting in settings(SOURCE.read_text(encoding="utf-8")):
        if (setting.section, setting.key) in seen:
            continue
        seen.add((setting.section, setting.key))
        if setting.section != section:
            section = setting.section
            page.append(f"\n## {section}\n\n| key | default | |\n|---|---|---|\n")
        text = setting.text.replace("|", "\\|")
        page.append(f"| `{setting.key}` | {default_of(setting)} | {text} |\n")
    return "".join(page)


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
