"""What every archive of reports promises: the folder, and a bucket of a real Swift through its S3 layer."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from pydantic import SecretStr

from bkkenergy.adapters.archive import FolderArchive
from bkkenergy.adapters.objectarchive import ObjectArchive
from bkkenergy.errors import UnavailableError
from bkkenergy.ports.archive import ArchiveUnavailable, NotInArchive
from bkkenergy.usecases.archived import archived_file, copied, written
from tests.servers import object_store, started

RUN = "health/2026-10/r1"


@pytest.fixture(params=["folder", "objects"])
def archive(request, tmp_path, bucket):
    """An archive without files."""
    if request.param == "folder":
        return FolderArchive(tmp_path / "archive")
    return ObjectArchive(request.getfixturevalue("objects").bucket(bucket))


def published(archive, files, run=RUN):
    draft = archive.draft(run)
    artefacts = [written(draft, name, name.rpartition(".")[2], "th", content) for name, content in files.items()]
    draft.publish()
    draft.drop()
    return artefacts


def test_what_is_published_is_read_as_it_was_written(archive):
    content = {
        "health_2026-10.th.pdf": bytes(range(256)) * 3_000,
        "health_2026-10.json": "ไทย".encode(),
        "empty.csv": b"",
    }
    files = published(archive, content)
    assert [file.path.count("/") for file in files] == [3] * 3, "pages know them by four parts"
    assert all(file.path.startswith(RUN) for file in files)
    assert [file.path.rpartition("/")[2] for file in files] == list(content)
    assert [archived_file(archive, file) for file in files] == list(content.values())


def test_a_try_that_is_given_up_leaves_nothing(archive):
    draft = archive.draft(RUN)
    path = draft.write("a.json", b"1")
    draft.drop()
    with pytest.raises(NotInArchive):
        archive.read(path)


def test_what_another_try_writes_is_never_taken_for_what_was_published(archive):
    slow = archive.draft(RUN)
    (published_one,) = published(archive, {"a.json": b"published"})
    slow.write("a.json", b"of a process that lost its lease")
    slow.drop()
    assert archived_file(archive, published_one) == b"published"
    (later,) = published(archive, {"a.json": b"later"})
    assert archived_file(archive, later) == b"later"


def test_a_file_that_was_changed_is_refused(archive):
    (file,) = published(archive, {"a.json": b"1"})
    archive.put(file.path, b"2")
    with pytest.raises(UnavailableError, match="another file"):
        archived_file(archive, file)


def test_drafts_of_runs_at_work_stay_when_others_are_swept(archive):
    at_work, dead = archive.draft(RUN), archive.draft("health/2026-09/r1")
    dead.write("a.json", b"1")
    path = at_work.write("a.json", b"1")
    archive.sweep(lambda: [RUN])
    at_work.publish()
    assert archive.read(path) == b"1"


def test_a_missing_file_is_not_taken_for_a_fault_of_the_archive_nor_one_for_the_other(archive):
    (file,) = published(archive, {"a.json": b"1"})
    missing = replace(file, path=f"{RUN}/none.json")
    with pytest.raises(NotInArchive):
        archive.read(missing.path)
    with pytest.raises(UnavailableError, match="does not have health/2026-10/r1/none.json"):
        archived_file(archive, missing)
    archive.probe()


@pytest.mark.parametrize("fault", ["another", "none"])
def test_what_is_not_read_back_as_it_was_written_is_a_fault_of_the_archive(archive, monkeypatch, fault):
    def read(path):
        if fault == "none":
            raise NotInArchive(path)
        return b"another"

    monkeypatch.setattr(archive, "read", read)
    with pytest.raises(ArchiveUnavailable):
        archive.probe()


@pytest.mark.parametrize("fault", ["no bucket", "another key", "no server listens"])
def test_a_bucket_that_cannot_be_used_is_never_taken_for_an_empty_one(objects, bucket, fault):
    wrong = {
        "no bucket": {"bucket": "no-such-bucket"},
        "another key": {"secret_key": SecretStr("wrong")},
        "no server listens": {"endpoint": "http://127.0.0.1:9", "timeout_s": 1.0},
    }[fault]
    archive = ObjectArchive(objects.bucket(bucket).model_copy(update=wrong))
    for ask in (archive.probe, lambda: archive.read("a"), lambda: archive.draft(RUN).write("a", b"1")):
        with pytest.raises(ArchiveUnavailable):
            ask()


def test_a_folder_that_cannot_be_used_says_so(tmp_path):
    (tmp_path / "archive").write_text("no folder")
    with pytest.raises(ArchiveUnavailable):
        FolderArchive(tmp_path / "archive").probe()


def test_what_the_store_has_taken_is_there_after_it_was_killed(tmp_path, bucket):
    with started(object_store(tmp_path / "swift")) as server:
        archive = ObjectArchive(server.bucket(bucket))
        (file,) = published(archive, {"a.json": b"1"})
        server.process.kill()
        server.process.wait()
        with pytest.raises(ArchiveUnavailable):
            archive.read(file.path)
        server.start()
        assert archived_file(archive, file) == b"1"


@dataclass
class Counted:
    files: list = field(default_factory=list)

    def __call__(self) -> None:
        self.files.append(1)


def test_a_folders_reports_are_copied_once_and_what_is_missing_is_counted(tmp_path, objects, bucket):
    source, target = FolderArchive(tmp_path), ObjectArchive(objects.bucket(bucket))
    files = [
        *published(source, {"a.json": b"1", "b.csv": b"2"}),
        *published(source, {"c.json": b"3"}, "city/2026-10/r1"),
    ]
    lost = replace(files[0], path="city/2026-09/r1/d.json")
    seen = Counted()
    assert copied(source, target, [*files, lost], seen) == {"copied": 3, "there": 0, "missing": 1}
    assert len(seen.files) == 4
    assert copied(source, target, files, seen) == {"copied": 0, "there": 3, "missing": 0}
    (tmp_path / files[0].path).write_bytes(b"damaged")
    target.delete([files[1].path])
    target.put(files[2].path, b"damaged")
    assert copied(source, target, files, seen) == {"copied": 2, "there": 1, "missing": 0}
    assert [archived_file(target, file) for file in files] == [b"1", b"2", b"3"]
