"""Settings: file and environment, what is refused and how, and what the deployed files promise."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine import build
from engine.config import Config, ConfigError, ProfileSection, file_of, load, secret
from engine.reload import changes, contents, taken_over

ROOT = Path(__file__).parents[2]


def _written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "overdial.toml"
    path.write_text(text)
    return path


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _written(tmp_path, '[database]\nuser = "file"\nport = 3307\n')
    monkeypatch.setenv("OVERDIAL_DATABASE__USER", "environment")
    config = load(path)
    assert (config.database.user, config.database.port) == ("environment", 3307)


def test_without_a_file_the_one_of_the_installation_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed, other = tmp_path / "etc/overdial.toml", _written(tmp_path, "")
    monkeypatch.setattr("engine.config.INSTALLED", installed)
    monkeypatch.delenv("OVERDIAL_CONFIG")
    assert file_of(None) is None
    installed.parent.mkdir()
    installed.write_text('[engine]\nname = "installed"\n')
    assert file_of(None) == installed
    assert load(None).engine.name == "installed"
    assert file_of(other) == other
    monkeypatch.setenv("OVERDIAL_CONFIG", str(other))
    assert file_of(None) == other
    monkeypatch.setenv("OVERDIAL_CONFIG", "")
    assert file_of(None) is None


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[asterisk]\nprot = 1\n", "asterisk.prot: is unknown"),
        ("[asterix]\n", "asterix: is unknown"),
        ("[asterisk]\nport = 0\n", "asterisk.port"),
        ('[log]\nlevel = "loud"\n', "log.level"),
        ('[engine]\ntimezone = "Mars/Base"\n', "Mars/Base"),
        ("[engine]\nlease = 5\n", "at least twice database.timeout"),
        ('[database]\nhistory = "a; DROP"\n', "database.history"),
        ("not toml", "not TOML"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(_written(tmp_path, text))
    assert named in str(refused.value)


def test_every_mistake_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        load(_written(tmp_path, "[asterisk]\nport = 0\n\n[metrics]\nport = -1\n"))
    assert len(str(refused.value).splitlines()) == 2


def test_a_secret_comes_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "word").write_text("open sesame\n")
    config = load(_written(tmp_path, f'[asterisk]\nsecret_file = "{tmp_path}/word"\n'))
    assert secret(config.asterisk.secret, config.asterisk.secret_file, "x") == "open sesame"
    with pytest.raises(ConfigError, match="asterisk"):
        secret(config.asterisk.secret, tmp_path / "missing", "asterisk.secret_file")


def test_no_secret_is_shown_where_settings_are_printed() -> None:
    config = Config(database={"password": "hunter2"}, asterisk={"secret": "hunter3"})  # type: ignore[arg-type]
    assert "hunter" not in repr(config)


def test_the_example_file_loads_and_names_every_setting() -> None:
    text = (ROOT / "deploy" / "overdial.toml.example").read_text()
    load(ROOT / "deploy" / "overdial.toml.example")
    for section, field in Config.model_fields.items():
        assert re.search(rf"^(# )?\[{section}[.\]]", text, re.MULTILINE), section
        kind = ProfileSection if section == "profiles" else field.annotation
        for key in kind.model_fields:  # type: ignore[union-attr]
            assert re.search(rf"^(# )?{key} = ", text, re.MULTILINE) or f'{key} = "…"' in text, key


def test_systemd_waits_longer_than_all_stages_of_a_stop_together() -> None:
    unit = (ROOT / "deploy" / "overdial.service").read_text()
    waits = re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    assert waits is not None
    stop = Config().stop
    assert stop.claims + stop.drain + stop.hang_up + stop.flush + 5 <= int(waits[1])


def test_own_rules_on_abandoned_calls_are_read_and_win(tmp_path: Path) -> None:
    file = tmp_path / "overdial.toml"
    file.write_text('[profiles.inhouse]\nrate = 0.01\nsince = "greeting"\n\n[profiles.UK]\nrate = 0.02\n')
    rules = build.profiles(load(file))
    assert (rules["INHOUSE"].rate, rules["INHOUSE"].since.value, rules["UK"].rate) == (0.01, "greeting", 0.02)
    assert rules["US"].window_days == 30
    file.write_text("[profiles.X]\nrate = 3\n")
    with pytest.raises(ConfigError, match=r"profiles\.X\.rate"):
        load(file)


def test_a_reload_tells_what_changed_what_waits_and_no_secret(tmp_path: Path) -> None:
    before = load(_written(tmp_path, '[asterisk]\nsecret = "one"\n[profiles.X]\nrate = 0.02\n'))
    text = '[asterisk]\nsecret = "two"\n[log]\nlevel = "debug"\n[engine]\nlease = 20\nname = "n"\n'
    after = load(_written(tmp_path, text))
    found = {change.key: change for change in changes(before, after, contents(before), contents(after))}
    assert found["log.level"].live
    assert (found["log.level"].before, found["log.level"].after) == ("info", "debug")
    assert found["engine.lease"].live
    waits = {key for key, change in found.items() if not change.live}
    assert waits >= {"asterisk.secret", "engine.name", "profiles.X.rate"}
    assert "two" not in str(found)
    assert "one" not in str(found["asterisk.secret"])
    now = taken_over(before, after)
    assert (now.log.level, now.engine.lease) == ("debug", 20.0)
    assert (now.engine.name, now.asterisk) == (before.engine.name, before.asterisk)
    again = changes(now, after, contents(now), contents(after))
    assert {change.key for change in again} == waits, "it is named until the restart comes"


def test_what_a_reload_gives_the_engine_is_what_it_says_that_it_takes_over(tmp_path: Path) -> None:
    before = load(_written(tmp_path, ""))
    text = "[engine]\nlease = 20\nabandoned_rest_hours = 1\n[stop]\ndrain = 1\n[caller_ids]\nwindow = 50\n"
    after = load(_written(tmp_path, text))
    given = build.engine_settings(after)
    assert given == build.engine_settings(taken_over(before, after))
    assert given.caller_ids.window == 50
    assert all(change.live for change in changes(before, after, contents(before), contents(after)))


def test_a_reload_names_files_whose_content_changed(tmp_path: Path) -> None:
    """A new secret or certificate in the same file is not read before a restart, and nobody would know."""
    (tmp_path / "laws").mkdir()
    names = ("ami", "db", "ari", "tls", "key")
    for name in names:
        (tmp_path / name).write_text("one\n")
    text = (
        f'[asterisk]\nsecret_file = "{tmp_path}/ami"\n[database]\npassword_file = "{tmp_path}/db"\n'
        f'[ari]\nsecret_file = "{tmp_path}/ari"\n[law]\nfolder = "{tmp_path}/laws"\n'
        f'[http]\ntls_certificate = "{tmp_path}/tls"\ntls_key = "{tmp_path}/key"\n'
    )
    config = load(_written(tmp_path, text))
    read = contents(config)
    assert changes(config, config, read, contents(config)) == ()
    for name in names[:-1]:
        (tmp_path / name).write_text("two\n")
    (tmp_path / "key").unlink()
    (tmp_path / "laws" / "XX.toml").write_text("two = 2\n")
    found = changes(config, config, read, contents(config))
    assert [change.key for change in found] == [
        "ari.secret_file", "asterisk.secret_file", "database.password_file",
        "http.tls_certificate", "http.tls_key", "law.folder",
    ]  # fmt: skip
    assert not any(change.live for change in found)
    assert "two" not in str(found)
    elsewhere = load(_written(tmp_path, text.replace("/ami", "/tls")))
    keys = [change.key for change in changes(config, elsewhere, read, contents(elsewhere))]
    assert keys.count("asterisk.secret_file") == 1


def test_attempts_are_kept_for_as_long_as_the_law_counts_them(tmp_path: Path) -> None:
    for text in (
        "[retention]\nattempts = 31\n",
        "[retention]\nattempts = 90\n[profiles.X]\nwindow_days = 90\n",
    ):
        with pytest.raises(ConfigError, match=r"retention.attempts .* at least"):
            load(_written(tmp_path, text))
    assert load(_written(tmp_path, "[retention]\nattempts = 32\n")).retention.attempts == 32
