"""A real IMAP server for tests: Debian's dovecot, on a free port of 127.0.0.1, with a mailbox of its own."""

from __future__ import annotations

import getpass
import grp
import imaplib
import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.ports import free_port

DOVECOT = shutil.which("dovecot") or (shutil.which("/usr/sbin/dovecot"))
CONFIG = """
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
mail_location = maildir:{folder}/mail
default_internal_user = {user}
default_login_user = {user}
default_internal_group = {group}
first_valid_uid = 0
first_valid_gid = 0
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


@contextmanager
def imap_server(folder: Path, password: str) -> Iterator[int]:
    """Start the server; its port. Mails are put below `folder`/mail/new."""
    as_root = os.geteuid() == 0
    user = "mail" if as_root else getpass.getuser()
    group = grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name
    port = free_port()
    for name in ("run", "state", "mail/new", "mail/cur", "mail/tmp"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "dovecot.conf").write_text(
        CONFIG.format(folder=folder, user=user, group=group, password=password, port=port)
    )
    if as_root:
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, user, group)
        for path in folder.parents:
            if path.stat().st_uid == 0 and "pytest" in str(path):
                path.chmod(path.stat().st_mode | 0o055)
    server = subprocess.Popen([str(DOVECOT), "-F", "-c", str(folder / "dovecot.conf")], stderr=subprocess.PIPE)
    try:
        _await(port, server)
        yield port
    finally:
        server.terminate()
        server.communicate(timeout=20)


def _await(port: int, server: subprocess.Popen[bytes]) -> None:
    until_s = time.monotonic() + 20
    while True:
        try:
            imaplib.IMAP4("127.0.0.1", port, timeout=5).shutdown()
        except OSError:
            assert server.poll() is None, server.stderr and server.stderr.read()
            assert time.monotonic() < until_s
            time.sleep(0.05)
        else:
            return
