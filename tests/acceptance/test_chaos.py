"""Every kind of fault that is short once, in one running campaign: the short form of `make chaos`."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from engine.domain.modes import Mode
from tests.chaos.__main__ import judge, play, set_campaign, stop
from tests.chaos.faults import LONG, kinds_for
from tests.chaos.scene import set_scene
from tests.conftest import LAB


@pytest.mark.timeout(900)
def test_whatever_dies_no_contact_is_lost_and_none_dialled_twice(home: Path) -> None:
    seed = Random().randrange(10**6)
    with set_scene(LAB, home / "chaos", Random(seed)) as scene:
        set_campaign(scene.stage)
        for kind in (kind for kind in kinds_for(Mode.POWER) if kind not in LONG):
            play(scene, kind, 1)
        assert judge(scene) == [], f"seed {seed}"
        assert stop(scene) == [], f"seed {seed}"
