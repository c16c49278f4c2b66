"""Which process is dead for certain: a standby takes over from it without waiting."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from engine.adapters.process import is_dead, this_process

_CHILD = """
import sys
from engine.adapters.process import this_process
print(this_process(), flush=True)
sys.stdin.read()
"""


class Child:
    """Another process of this machine."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        self.name = self._process.stdout.readline().decode().strip()

    def kill(self) -> None:
        """Let it die; until it is reaped it is a zombie."""
        self._process.kill()
        os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)

    def reap(self) -> None:
        self._process.wait()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()


@pytest.fixture
def child() -> Iterator[Child]:
    child = Child()
    yield child
    child.close()


def test_a_living_process_is_not_dead(child: Child) -> None:
    assert not is_dead(this_process())
    assert this_process() == this_process()
    assert not is_dead(child.name)
    assert child.name != this_process()


def test_a_killed_process_is_dead_as_a_zombie_and_after_it_was_reaped(child: Child) -> None:
    child.kill()
    assert is_dead(child.name), "a zombie dials no more"
    child.reap()
    assert is_dead(child.name)


def test_a_process_whose_number_went_to_another_one_is_dead() -> None:
    name, _, started = this_process().rpartition(":")
    assert is_dead(f"{name}:{int(started) - 1}")


def test_of_another_machine_another_start_or_another_namespace_nothing_is_said(child: Child) -> None:
    child.kill()
    child.reap()
    boot, _, rest = child.name.partition(":")
    assert not is_dead(f"11111111-2222-3333-4444-555555555555:{rest}")
    assert not is_dead(f"{boot}:{rest.replace('pid:[', 'pid:[9')}")


def here() -> str:
    return this_process().rpartition(":")[0].rpartition(":")[0]


@pytest.mark.parametrize(
    "name",
    ["", ":", "::", "a:b:c:d", "dialer-1", "{here}", "{here}::", "{here}:x:1", "{here}:²:1", "{here}:-1:1"],
)
def test_what_is_no_name_of_a_process_is_never_dead(name: str) -> None:
    assert not is_dead(name.format(here=here()))


def test_the_name_fits_into_its_column() -> None:
    assert 0 < len(this_process()) <= 128
