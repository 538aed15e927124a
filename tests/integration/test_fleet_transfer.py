"""A sweep whose model file only one host has: the other gets it over the network, cut or not."""

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests.fleet_user import WAIT_S, User, contexts, every_cell_once, nothing_left
from tests.herd_process import until
from tests.netns import NetHost, needs_namespaces

pytestmark = [needs_namespaces, pytest.mark.root, pytest.mark.timeout(400)]
SIZE_BYTES = 256 * 2**20


def models(host: NetHost) -> Path:
    return host.folder / "data" / "herd" / "models"


def test_the_file_comes_before_the_lease_through_a_cut(user: User) -> None:
    content = np.random.default_rng(8).bytes(SIZE_BYTES)
    sha256 = hashlib.sha256(content).hexdigest()
    user.engine("fake", tg_tok_s=20)
    user.model_entry("big", content)
    (models(user.host) / "big").mkdir(parents=True)
    (models(user.host) / "big" / "big.gguf").write_bytes(content)
    user.lan.start("a", "b")
    b = user.lan.hosts["b"]
    expected, axis = contexts(40)
    process = user.sweep(axis, model="big")
    part = models(b) / ".incomplete" / sha256 / "big.gguf"
    until(lambda: part.exists() and part.stat().st_size, WAIT_S)
    b.cut()
    had = part.stat()
    assert had.st_size < SIZE_BYTES
    # the host that has it works meanwhile
    before = user.ok_on("a")
    until(lambda: user.ok_on("a") > before, WAIT_S)
    b.heal()
    until(lambda: user.ok_on("b"), WAIT_S)
    user.ends(process)
    every_cell_once(user, expected)
    there = models(b) / "big" / "big.gguf"
    assert there.stat().st_ino == had.st_ino
    assert there.read_bytes() == content
    assert set(Counter(host for host, _ in user.ended("host_id", "status"))) == {"a", "b"}
    nothing_left(user.host, b)
