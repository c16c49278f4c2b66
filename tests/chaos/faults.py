"""The faults: each breaks one part at once and mends it after a moment."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from engine.lab.parts import Child
from tests.proxy import Proxy
from tests.stage import Stage


@dataclass
class Scene:
    """What faults act on. `moment` draws how long a part stays away, in s."""

    stage: Stage
    line: Proxy
    dice: Random

    def away(self, least: float, most: float) -> None:
        """Let time pass while a part is broken: the length of the fault is the point of it."""
        time.sleep(self.dice.uniform(least, most))


def engine_killed(scene: Scene) -> None:
    """kill -9 of the engine, a new one on the same database."""
    assert scene.stage.engine is not None
    scene.stage.engine.kill()
    scene.away(0.0, 0.5)
    scene.stage.start(fresh_log=True)


def engine_paused(scene: Scene) -> None:
    assert scene.stage.engine is not None
    _freeze(scene, scene.stage.engine, 0.5, 3.0)


def link_cut(scene: Scene) -> None:
    """The AMI connection breaks and no new one is taken for a while."""
    scene.line.refuse()
    scene.away(0.0, 2.0)
    scene.line.allow()


def link_silent(scene: Scene) -> None:
    """Half-open: the AMI connection is there and carries nothing."""
    scene.line.freeze()
    scene.away(0.5, 3.0)
    scene.line.allow()


def database_killed(scene: Scene) -> None:
    scene.stage.mariadb.kill()
    scene.away(0.0, 1.0)
    scene.stage.mariadb.start(fresh=False)


def database_frozen(scene: Scene) -> None:
    assert scene.stage.mariadb.child is not None
    _freeze(scene, scene.stage.mariadb.child, 0.5, 3.0)


def asterisk_killed(scene: Scene) -> None:
    scene.stage.asterisk.kill()
    scene.away(0.0, 1.0)
    scene.stage.asterisk.start()


def asterisk_frozen(scene: Scene) -> None:
    assert scene.stage.asterisk.child is not None
    _freeze(scene, scene.stage.asterisk.child, 0.5, 3.0)


def _freeze(scene: Scene, part: Child, least: float, most: float) -> None:
    part.process.send_signal(signal.SIGSTOP)
    scene.away(least, most)
    part.process.send_signal(signal.SIGCONT)


FAULTS: dict[str, Callable[[Scene], None]] = {
    fault.__name__: fault
    for fault in (
        engine_killed,
        engine_paused,
        link_cut,
        link_silent,
        database_killed,
        database_frozen,
        asterisk_killed,
        asterisk_frozen,
    )
}
