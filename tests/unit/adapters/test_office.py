"""The PDF of a memorandum is that of its agency's template, where an office program prints it, within bounds."""

from __future__ import annotations

import io
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pypdf import PdfReader

from bkkenergy.adapters import heldfolder, office
from bkkenergy.adapters.memotemplate import checked_template
from bkkenergy.adapters.office import office_pdf, office_program
from bkkenergy.errors import InputError
from bkkenergy.reports.papers import kinds
from bkkenergy.reports.papers.kinds import Stationery, render_paper
from bkkenergy.reports.papers.model import Paper, PaperMemo
from tests.unit.adapters.test_memotemplate import template
from tests.unit.reports.conftest import NOW

OWN_HEAD = "Office of the Health Department"


def memorandum():
    memo = PaperMemo("Health", "1", "28 November 2026", "Report", "Director", ("Used 1 kWh.",), (), "Malee", "Officer")
    return Paper(
        "memo", "health", "Health", "Memorandum", "2026-10", "2026-10", "1", "en", "", (memo,), (), NOW,
        is_simulated=False, is_final=True, layout="memo",
    )  # fmt: skip


def script(folder, text):
    path = folder / "soffice"
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


@pytest.mark.skipif(office_program() is None, reason="no office program is installed here")
def test_a_memorandum_is_printed_as_its_template_has_it():
    own = checked_template("memo.docx", template(places=(OWN_HEAD, "{{subject}}", "{{body}}")))
    printed = render_paper(memorandum(), "pdf", None, Stationery(own))
    text = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(printed)).pages)
    assert OWN_HEAD in text


def test_without_an_office_program_the_built_in_page_is_printed(monkeypatch):
    class Browser:
        def pdf(self, page):
            return b"built in" if b"Used 1 kWh." in page else b""

    monkeypatch.setattr(kinds, "office_program", lambda: None)
    own = checked_template("memo.docx", template(places=(OWN_HEAD, "{{subject}}", "{{body}}")))
    assert render_paper(memorandum(), "pdf", Browser(), Stationery(own)) == b"built in"


@pytest.mark.parametrize("text", ["exit 0", "exit 3", "echo no >&2"])
def test_a_program_that_prints_nothing_is_an_error(tmp_path, text):
    with pytest.raises(InputError, match="could not be printed"):
        office_pdf(b"x", script(tmp_path, text))


@pytest.mark.parametrize("end", ["exit 3", "kill -9 $$", "kill -XCPU $$"])
def test_what_a_program_that_failed_has_written_is_no_memorandum(tmp_path, end):
    with pytest.raises(InputError, match="could not be printed"):
        office_pdf(b"x", script(tmp_path, f"printf '%s' '%PDF-1.7' > document.pdf; {end}"))


def test_what_a_program_leaves_in_its_temporary_folder_goes_with_the_document(tmp_path):
    left = tmp_path / "left"
    made = office_pdf(b"x", script(tmp_path, f"mktemp -d > {left}; printf x > document.pdf"))
    assert made == b"x"
    assert not Path(left.read_text(encoding="utf-8").strip()).exists()


def test_the_folder_of_a_process_that_was_killed_goes_with_the_next_document(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(heldfolder, "MAKING_S", -1.0)
    abandoned = tmp_path / "bkkenergy-print-abandoned"
    abandoned.mkdir()
    office_pdf(b"x", script(tmp_path, "printf x > document.pdf"))
    assert not list(tmp_path.glob("bkkenergy-print-*"))


def test_a_program_that_does_not_end_is_ended_with_what_it_started(tmp_path):
    mark = tmp_path / "late"
    began = time.monotonic()
    with pytest.raises(InputError, match="could not be printed"):
        office_pdf(b"x", script(tmp_path, f"(sleep 3; touch {mark}) & sleep 30"), max_wall_s=0.5)
    assert time.monotonic() - began < 3
    assert office.ONE_AT_A_TIME.acquire(timeout=1), "the next one has its turn"
    office.ONE_AT_A_TIME.release()


def test_a_program_has_bounds_of_memory_and_of_time(tmp_path):
    said = office_pdf(b"x", script(tmp_path, "(ulimit -v; ulimit -t) > document.pdf"))
    assert [int(line) for line in said.split()] == [office.MAX_MEMORY_KB, office.MAX_CPU_S]


def test_one_document_is_printed_at_a_time(tmp_path):
    alone = f"mkdir {tmp_path}/busy || exit 1; sleep 0.2; rmdir {tmp_path}/busy; printf x > document.pdf"
    program = script(tmp_path, alone)
    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(lambda _: office_pdf(b"x", program), range(3))) == [b"x"] * 3
