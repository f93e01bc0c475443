"""The downloader, against a server on this machine that can misbehave in every way seen in the wild."""

import fcntl
import hashlib
import re
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lightning_cgan.cli.main import main
from lightning_cgan.extractors.weights_registry import PINNED, Pinned

CONTENT = bytes(range(256)) * 800
HALF = len(CONTENT) // 2


class Server(ThreadingHTTPServer):
    """Serves CONTENT in the way that ``manner`` says; ``asked`` keeps the ranges that were asked for."""

    manner = "rightly"

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = []


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        manner, wanted = self.server.manner, self.headers["Range"]
        self.server.asked.append(wanted)
        start = int(re.findall(r"\d+", wanted)[0]) if wanted and manner != "from the start" else 0
        body = {"other bytes": CONTENT[::-1], "a page": b"<html>Please log in</html>"}.get(manner, CONTENT)[start:]
        self.send_response(404 if manner == "not found" else 206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:HALF] if manner in ("cut off", "interrupted") else body)
        if manner == "interrupted":
            self.wfile.flush()
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            self.server.interrupted.wait(10)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    with Server() as served:
        served.interrupted = threading.Event()
        threading.Thread(target=served.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{served.server_port}/weights.pth"
        pinned = Pinned(url, hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))
        monkeypatch.setitem(PINNED, "inception", pinned)
        yield served
        served.interrupted.set()
        served.shutdown()


@pytest.fixture
def fetch(server, tmp_path, capsys):
    """Runs the command in a manner of the server's; gives its exit status and what it said."""

    def run(manner="rightly", name="inception"):
        server.manner = manner
        status = main(["features", "fetch", name, "--to", str(tmp_path / "new" / "weights")])
        said = capsys.readouterr()
        return status, said.err if status else said.out

    return run


@pytest.fixture
def target(tmp_path):
    return tmp_path / "new" / "weights" / "inception.pth"


def files(target):
    return sorted(path.name for path in target.parent.iterdir())


def test_what_is_fetched_lies_in_the_folder_under_its_name(fetch, target):
    status, said = fetch()
    assert status == 0
    assert f"{target} was downloaded" in said
    assert target.read_bytes() == CONTENT
    assert files(target) == ["inception.pth"]


def test_a_file_with_the_right_hash_is_not_fetched_again_and_another_one_is_replaced(fetch, target, server):
    target.parent.mkdir(parents=True)
    target.write_bytes(CONTENT)
    assert "already exists" in fetch()[1]
    assert server.asked == []
    target.write_bytes(b"other weights")
    assert fetch()[0] == 0
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("manner", "said"),
    [
        ("other bytes", "and the file was deleted. Run the same command again"),
        ("a page", "have 204800 bytes; got a response of 26. Open the address in a browser"),
        ("not found", "HTTP Error 404"),
        ("cut off", "204800 bytes; got 102400 before the connection ended. Run the same command again: it resumes"),
    ],
)
def test_what_is_wrong_never_gets_the_name_of_the_weights(fetch, target, manner, said):
    status, error = fetch(manner)
    assert status == 2
    assert said in error
    assert "Traceback" not in error
    assert not target.exists()
    assert fetch()[0] == 0
    assert target.read_bytes() == CONTENT
    assert files(target) == ["inception.pth"]


def test_a_download_that_was_cut_off_resumes_where_it_stopped(fetch, target, server):
    fetch("cut off")
    assert fetch("a page")[0] == 2  # and a wrong answer in between destroys nothing
    assert fetch()[0] == 0
    assert server.asked == [None, f"bytes={HALF}-", f"bytes={HALF}-"]
    assert target.read_bytes() == CONTENT


def test_a_server_that_cannot_go_on_is_read_from_the_start(fetch, target):
    fetch("cut off")
    assert fetch("from the start")[0] == 0
    assert target.read_bytes() == CONTENT


def test_what_had_arrived_whole_needs_no_server(fetch, target, server):
    target.parent.mkdir(parents=True)
    target.with_name("inception.pth.partial").write_bytes(CONTENT)
    assert fetch()[0] == 0
    assert server.asked == []
    assert target.read_bytes() == CONTENT


def test_an_interrupted_download_says_so_and_the_same_command_completes_it(fetch, target):
    status, said = fetch("interrupted")
    assert status == 130
    assert "resumes where it stopped" in said
    assert not target.exists()
    assert fetch()[0] == 0
    assert target.read_bytes() == CONTENT


def test_two_processes_do_not_write_one_file(fetch, target):
    target.parent.mkdir(parents=True)
    with target.with_name("inception.pth.partial").open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        status, error = fetch()
    assert status == 2
    assert "One process at a time" in error
    assert fetch()[0] == 0


def test_a_server_that_is_not_there_is_told_in_plain_words(fetch, server):
    server.shutdown()
    server.server_close()
    assert "Connection refused" in fetch()[1]


def test_a_folder_that_cannot_be_made_is_told_in_plain_words(fetch, target):
    target.parent.parent.write_text("a file stands in the way")
    assert f"to {target}; got [Errno 20] Not a directory" in fetch()[1]


def test_a_wrong_name_is_answered_with_the_nearest(fetch):
    assert "The nearest valid name is inception." in fetch(name="incepton")[1]


def test_every_pinned_file_has_an_address_a_whole_hash_and_a_size(capsys):
    assert main(["features", "list"]) == 0
    said = capsys.readouterr().out
    for name, pinned in PINNED.items():
        assert f"{name}: " in said
        assert pinned.url.startswith("https://")
        assert re.fullmatch("[0-9a-f]{64}", pinned.sha256)
        assert pinned.size > 80_000_000


def test_the_command_starts_without_torch():
    script = "import sys, lightning_cgan.cli.fetch_weights; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0
