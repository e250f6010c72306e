"""OpenStack Swift with its S3 layer in one process, for Debian's python3.

Arguments: FOLDER ADDRESS PROXY ACCOUNT CONTAINER OBJECT, the address of the proxy and four ports. Rings of one device and one copy. The key is `test:tester` with the secret `testing`.
"""

import sys
from pathlib import Path

import eventlet
from eventlet import wsgi
from swift.common import utils
from swift.common.http_protocol import SwiftHttpProtocol
from swift.common.ring import RingBuilder
from swift.common.wsgi import loadapp

FILTERS = ("catch_errors", "gatekeeper", "cache", "listing_formats", "s3api", "tempauth", "copy", "slo", "dlo")
STORAGE = """[DEFAULT]
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
"""


def write_proxy(folder: Path) -> None:
    """Write what the proxy is; it needs a memcached's settings, but none that answers."""
    more = {"cache": "memcache_servers = 127.0.0.1:9\n", "tempauth": "user_test_tester = testing .admin\n"}
    parts = [
        f"[filter:{name}]\nuse = egg:swift#{'memcache' if name == 'cache' else name}\n{more.get(name, '')}"
        for name in FILTERS
    ]
    (folder / "proxy.conf").write_text(
        f"[DEFAULT]\nswift_dir = {folder}\n[pipeline:main]\npipeline = {' '.join(FILTERS)} versioned_writes proxy-server\n"
        "[filter:versioned_writes]\nuse = egg:swift#versioned_writes\n"
        "[app:proxy-server]\nuse = egg:swift#proxy\naccount_autocreate = true\n" + "".join(parts)
    )


def write_ring(path: Path, port: int) -> None:
    """Write where a kind of server has its data: on one device, once."""
    builder = RingBuilder(1, 1, 1)
    builder.add_dev({"region": 1, "zone": 1, "ip": "127.0.0.1", "port": port, "device": "one", "weight": 1})
    builder.rebalance()
    builder.get_ring().save(str(path))


def main() -> None:
    eventlet.monkey_patch()
    folder, address = Path(sys.argv[1]), sys.argv[2]
    ports = dict(zip(("proxy", "account", "container", "object"), sys.argv[3:], strict=True))
    (folder / "devices/one").mkdir(parents=True, exist_ok=True)
    (folder / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = tests\nswift_hash_path_prefix = tests\n")
    for kind in ("account", "container", "object"):
        (folder / f"{kind}.conf").write_text(STORAGE.format(folder=folder, kind=kind))
        write_ring(folder / f"{kind}.ring.gz", int(ports[kind]))
    write_proxy(folder)
    utils.set_swift_dir(str(folder))
    servers = []
    for kind in ("account", "container", "object", "proxy"):
        app = loadapp(str(folder / f"{kind}.conf"), global_conf={"log_name": kind})
        listener = eventlet.listen((address if kind == "proxy" else "127.0.0.1", int(ports[kind])))
        servers.append(eventlet.spawn(wsgi.server, listener, app, protocol=SwiftHttpProtocol, log_output=False))
    for server in servers:
        server.wait()


if __name__ == "__main__":
    main()
