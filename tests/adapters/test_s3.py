"""What only an object store does, over S3's protocol: pieces, conditional puts, named errors."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import botocore.session
import pytest
from made_impressions import HOUR, impressions, orders
from s3fs import S3FileSystem

from evergreen.adapters.engine_ibis import IbisEngine
from evergreen.adapters.engine_polars import PolarsEngine
from evergreen.adapters.files import Files
from evergreen.adapters.lake import Lake
from evergreen.adapters.object_store import PIECE_BYTES
from evergreen.domain.bins import LevelBins, NumericBins
from evergreen.domain.errors import FileCorrupt, LakeUnreachable
from evergreen.domain.windows import Window
from servers import BUCKET, S3Server

WRITERS = 8
WINDOW = Window(HOUR, HOUR + timedelta(hours=2))
UPLOAD = """
import sys
from pathlib import Path
from evergreen.adapters.files import Files
Files(sys.argv[1]).upload("model.ubj", Path(sys.argv[2]))
"""


@pytest.fixture
def files(s3: S3Server, tmp_path: Path) -> Files:
    return Files(s3.folder(tmp_path.name))


@pytest.fixture
def lake(s3: S3Server, tmp_path: Path) -> Lake:
    return Lake(s3.folder(tmp_path.name))


def test_of_many_that_create_at_once_one_wins(files: Files) -> None:
    bodies = [f"writer {n}".encode() for n in range(WRITERS)]
    with ThreadPoolExecutor(WRITERS) as pool:
        won = list(pool.map(lambda body: files.create("_SUCCESS", body), bodies))
    assert sorted(won) == [False] * (WRITERS - 1) + [True]
    assert files.read("_SUCCESS") == bodies[won.index(True)]


@contextmanager
def a_store_that_answers(answers: list[tuple[int, str]]) -> Iterator[dict[str, str]]:
    """Serve one answer after the other to every put: what stores say that moto is not."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # botocore waits for `100 Continue`

        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            status, code = answers.pop(0)
            body = f"<Error><Code>{code}</Code><Message>no</Message></Error>" if code else ""
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    S3FileSystem.clear_instance_cache()
    yield {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}"}
    server.shutdown()
    server.server_close()


CONFLICT = (409, "ConditionalRequestConflict")


@pytest.mark.parametrize(
    ("answers", "won"),
    [
        ([(412, "PreconditionFailed")], False),  # as MinIO says it, without the condition
        ([CONFLICT, (200, "")], True),  # as AWS says while another put is under way
        ([CONFLICT, (412, "PreconditionFailed")], False),
    ],
)
def test_how_stores_say_that_a_file_is_there(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch, answers: list[tuple[int, str]], won: bool
) -> None:
    with a_store_that_answers(left := list(answers)) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        assert Files(s3.folder("answers")).create("_SUCCESS", b"{}") is won
    assert left == []


def test_a_conflict_that_does_not_end_is_an_error(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_store_that_answers([CONFLICT] * 3) as environment:
        monkeypatch.setenv("AWS_ENDPOINT_URL", environment["AWS_ENDPOINT_URL"])
        with pytest.raises(LakeUnreachable, match=f"cannot write s3://{BUCKET}/answers/_SUCCESS"):
            Files(s3.folder("answers")).create("_SUCCESS", b"{}")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of three pieces."""
    path = tmp_path_factory.mktemp("large") / "model.ubj"
    path.write_bytes(os.urandom(1 << 20) * (5 * PIECE_BYTES // (2 << 20)))
    return path


def test_a_large_file_goes_in_pieces(
    files: Files, large: Path, s3: S3Server, tmp_path: Path
) -> None:
    before = len(s3.requests)
    files.upload("model.ubj", large)
    files.download("model.ubj", tmp_path / "down")
    assert (tmp_path / "down").read_bytes() == large.read_bytes()
    asked = [one for one in s3.requests[before:] if f"{tmp_path.name}/model.ubj" in one]
    assert sum("partNumber=" in one for one in asked) == 3
    assert asked[-1] == f"GET /{BUCKET}/{tmp_path.name}/model.ubj"
    assert sum(one.startswith("GET") for one in asked) == 1  # the old file or the new one


def test_a_killed_upload_leaves_what_was_there(files: Files, large: Path, s3: S3Server) -> None:
    files.write_atomic("model.ubj", b"old")
    before = len(s3.requests)
    command = [sys.executable, "-c", UPLOAD, files.root, str(large)]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": ":".join(sys.path)})
    while not any("partNumber=" in one for one in s3.requests[before:]):
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    completed = [
        one for one in s3.requests[before:] if one.startswith("POST") and "?uploads" not in one
    ]
    assert completed == []
    assert files.list() == ["model.ubj"]
    assert files.read("model.ubj") == b"old"


def test_an_empty_object_in_the_place_of_a_folder_is_no_file(files: Files, s3: S3Server) -> None:
    client = botocore.session.get_session().create_client("s3")
    client.put_object(Bucket=BUCKET, Key=f"{files.root.removeprefix(f's3://{BUCKET}/')}/a/")
    files.write_atomic("a/b", b"1")
    assert files.list("a") == ["b"]


def test_an_hour_that_is_landed_twice(lake: Lake) -> None:
    lake.land_hour("orders", HOUR, orders(rows=3))
    assert lake.read("orders", WINDOW).height == 3
    second = lake.land_hour("orders", HOUR, orders(rows=5))
    lake.land_hour("orders", HOUR + timedelta(hours=1), None)
    assert lake.closed_hours("orders", WINDOW) == list(WINDOW.hours())
    assert list(lake.closings("orders", WINDOW)) == list(WINDOW.hours())
    assert lake.newest_closed_hour("orders") == HOUR + timedelta(hours=1)
    assert lake.closing("orders", HOUR) == second
    assert lake.read("orders", WINDOW).height == 5


@pytest.mark.parametrize("url", ["polars", "duckdb://"])
def test_both_engines_count_as_on_a_disk(lake: Lake, tmp_path: Path, url: str) -> None:
    frame = impressions(
        rows=50, clicked=[n % 3 == 0 for n in range(50)], score=[n / 50 for n in range(50)]
    )
    columns = {"score": NumericBins(edges=(0.25, 0.5)), "item_id": LevelBins(groups=(("i1",),))}
    counted = []
    for place in (lake, Lake(str(tmp_path))):
        place.land_hour("impressions", HOUR, frame)
        engine = PolarsEngine(place) if url == "polars" else IbisEngine(place, url)
        counted.append(engine.sketches(WINDOW, columns, version="1"))
    assert counted[0] == counted[1]
    assert counted[0][HOUR].impressions == 50


def test_a_broken_file_is_named(lake: Lake) -> None:
    (entry,) = lake.land_hour("orders", HOUR, orders()).files
    lake.files.write_atomic(f"orders/{entry.path}", b"not Parquet")
    with pytest.raises(FileCorrupt, match=rf"{lake.url}/orders/{entry.path} cannot be read as"):
        lake.read("orders", WINDOW)
    lake.files.remove(f"orders/{entry.path}")
    with pytest.raises(FileCorrupt, match=rf"{lake.url}/orders/{entry.path} cannot be read as"):
        lake.read("orders", WINDOW)


CALLS: dict[str, Callable[[Files], object]] = {
    "read": lambda files: files.read("a"),
    "write": lambda files: files.write_atomic("a", b"1"),
    "create": lambda files: files.create("a", b"1"),
    "upload": lambda files: files.upload("a", Path(__file__)),
    "list": lambda files: files.list(),
    "exists": lambda files: files.exists("a"),
    "size": lambda files: files.size("a"),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_bucket_that_is_not_there_is_no_empty_folder(s3: S3Server, call: str) -> None:
    with pytest.raises(LakeUnreachable, match=r"s3://nobucket/lake.* BucketMissing: The specified"):
        CALLS[call](Files("s3://nobucket/lake"))


@pytest.fixture
def strict(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Let the store check signatures, and return the key and secret that it knows."""
    from moto import settings

    iam = botocore.session.get_session().create_client("iam")
    iam.create_user(UserName="pod")
    made = iam.create_access_key(UserName="pod")["AccessKey"]
    allowed = [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]
    policy = json.dumps({"Version": "2012-10-17", "Statement": allowed})
    iam.put_user_policy(UserName="pod", PolicyName="s3", PolicyDocument=policy)
    botocore.session.get_session().create_client("s3").create_bucket(Bucket="strict")
    monkeypatch.setattr(settings, "INITIAL_NO_AUTH_ACTION_COUNT", 0)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", made["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", made["SecretAccessKey"])
    S3FileSystem.clear_instance_cache()
    yield made
    monkeypatch.undo()
    iam.delete_user_policy(UserName="pod", PolicyName="s3")
    iam.delete_access_key(UserName="pod", AccessKeyId=made["AccessKeyId"])
    iam.delete_user(UserName="pod")


def told(error: BaseException) -> str:
    """All that a log would show of an error."""
    return "".join(traceback.format_exception(error))


def test_wrong_credentials_are_named_and_no_secret_is_told(
    strict: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Lake("s3://strict/lake")  # Polars keeps the credentials of a bucket that it has read
    (entry,) = lake.land_hour("orders", HOUR, orders()).files
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted-wrong-secret")
    S3FileSystem.clear_instance_cache()
    calls = [lambda files, call=call: call(files) for call in CALLS.values()]
    for call in (*calls, lambda _: lake.read_files("orders", [entry.path])):
        with pytest.raises(LakeUnreachable, match=r"permissions or credentials") as caught:
            call(lake.files)
        for secret in ("planted-wrong-secret", strict["SecretAccessKey"]):
            assert secret not in told(caught.value)


def test_a_store_that_is_gone_is_named(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    lake = Lake(s3.folder("gone"))
    for call in (lambda: lake.closing("orders", HOUR), lambda: lake.files.create("a", b"1")):
        with pytest.raises(LakeUnreachable, match=r"http://127.0.0.1:9/.*; check that the place"):
            call()
    with pytest.raises(LakeUnreachable, match=r"cannot read s3://.*check that the store runs"):
        lake.read_files("orders", ["a.parquet"])


def test_no_credentials_at_all(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with pytest.raises(LakeUnreachable, match=r"NoCredentialsError: Unable to locate credentials"):
        Files(s3.folder("a")).read("b")
