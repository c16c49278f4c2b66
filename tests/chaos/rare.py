"""Backups, restarts, reloads by the keepers of database and Asterisk; full disks, paused machines."""

from __future__ import annotations

import resource
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from engine.lab.parts import Child, poll
from tests.chaos.scene import Scene

_OURS = "SELECT id FROM information_schema.processlist WHERE user = 'overdial'"

# The engines.


def leaders_in_turn(scene: Scene) -> None:
    """The leader freezes, another takes over and is killed; the first one wakes and leads anew. What the
    other one knew comes late, when its machine has an engine again."""
    first = scene.engine
    standby = scene.take_over(lambda: first.process.send_signal(signal.SIGSTOP))
    scene.away(0.0, 1.5)
    standby.child.kill()
    scene.stage.standby = None
    scene.away(0.0, 1.0)
    first.process.send_signal(signal.SIGCONT)
    scene.stage.wait(lambda: scene.leader() == "test", "the first engine leads again", 60.0)
    scene.away(0.0, 1.5)
    again = scene.stage.start_standby()
    poll(lambda: again.logged("recorder.inherited"), "the journal of the dead one is written", 60.0)
    assert again.child.stop(60.0) == 0, again.child.tail()
    scene.stage.standby = None


def machine_paused(scene: Scene) -> None:
    """Everything stands still for longer than the lease, as when a virtual machine is moved."""
    database, asterisk = scene.stage.mariadb.child, scene.stage.asterisk.child
    assert database is not None
    assert asterisk is not None
    parts: list[Child] = [scene.engine, database, asterisk]
    scene.dice.shuffle(parts)
    for part in parts:
        part.process.send_signal(signal.SIGSTOP)
    scene.away(1.0, 9.0)
    scene.dice.shuffle(parts)
    for part in parts:
        part.process.send_signal(signal.SIGCONT)


def disk_full(scene: Scene) -> None:
    """No file of the engine can grow: its journal, in the middle of a line, and its log."""
    journals = list((scene.stage.home / "journal").glob("*.journal"))
    room = max((path.stat().st_size for path in journals), default=0) + scene.dice.randint(0, 2_000)
    pid = scene.engine.pid
    free = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (room, free[1]))
    scene.away(0.5, 3.0)
    if scene.dice.random() < 0.5:
        scene.db.refuse()  # what is held in memory must outlive this as well
        scene.away(0.0, 1.5)
        scene.db.allow()
        scene.away(0.0, 0.5)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, free)


# The lines.


def link_torn(scene: Scene) -> None:
    """Half of a message comes over the AMI connection, either way, then nothing, then the end."""
    scene.ami.tear()
    scene.away(0.2, 3.0)
    scene.ami.allow()


def login_refused(scene: Scene) -> None:
    """The manager's secret is changed, and the link breaks; later the secret is put back."""
    secret = scene.stage.asterisk.home / "etc/local/manager-secret.conf"
    right = secret.read_text()
    secret.write_text("secret = another\n")
    scene.stage.asterisk.command("manager reload")
    scene.ami.refuse()
    scene.ami.allow()
    scene.away(0.5, 3.0)
    secret.write_text(right)
    scene.stage.asterisk.command("manager reload")


# The database.


def database_restarted(scene: Scene) -> None:
    """An orderly restart, as after an update."""
    scene.stage.mariadb.stop()
    scene.away(0.0, 1.0)
    scene.stage.mariadb.start(fresh=False)


def database_frozen_long(scene: Scene) -> None:
    """Frozen for longer than any patience and the lease."""
    assert scene.stage.mariadb.child is not None
    scene.stage.mariadb.child.process.send_signal(signal.SIGSTOP)
    scene.away(5.0, 12.0)
    scene.stage.mariadb.child.process.send_signal(signal.SIGCONT)


def database_backup(scene: Scene) -> None:
    """A backup holds every commit up: some of them take effect after we have given them up."""
    seconds = scene.dice.uniform(1.0, 5.0)
    scene.stage.sql(f"FLUSH TABLES WITH READ LOCK; SELECT SLEEP({seconds:.1f}); UNLOCK TABLES;")


def tables_locked(scene: Scene) -> None:
    """Somebody repairs tables."""
    seconds = scene.dice.uniform(1.0, 5.0)
    tables = ("ccdata.attempts", "ccdata.calls_spool", "ccdata.journals", "ccdata.leases", "ccrepo.cdr_repo")
    locked = ", ".join(f"{name} WRITE" for name in scene.dice.sample(tables, scene.dice.randint(1, 4)))
    scene.stage.sql(f"LOCK TABLES {locked}; SELECT SLEEP({seconds:.1f}); UNLOCK TABLES;")


def spool_locked(scene: Scene) -> None:
    """Somebody's transaction on the whole spool goes on for longer than we care to wait, and is given up."""
    seconds = scene.dice.uniform(1.0, 5.0)
    scene.stage.sql(
        "SET innodb_lock_wait_timeout = 60; START TRANSACTION; UPDATE ccdata.calls_spool SET data = 'x';"
        f" SELECT SLEEP({seconds:.1f}); ROLLBACK;"
    )


def lease_locked(scene: Scene) -> None:
    """The row of the lease is locked by somebody for longer than the lease."""
    seconds = scene.dice.uniform(2.0, 7.0)
    scene.stage.sql(
        "START TRANSACTION; SELECT token FROM ccdata.leases FOR UPDATE;"
        f" SELECT SLEEP({seconds:.1f}); ROLLBACK;"
    )


def sessions_killed(scene: Scene) -> None:
    """An administrator ends our sessions, whatever they are doing."""
    for _ in range(scene.dice.randint(3, 10)):
        _kill_sessions(scene)
        scene.away(0.0, 0.3)


def connections_exhausted(scene: Scene) -> None:
    """Somebody has nearly all the connections of the server, and ours are ended."""
    before = scene.stage.value("SELECT @@max_connections")
    with _client(scene) as administrator, ExitStack() as held:
        assert administrator.stdin is not None
        administrator.stdin.write("SET GLOBAL max_connections = 10;\n")
        for _ in range(3):
            administrator.stdin.write("KILL USER overdial;\n")
            administrator.stdin.flush()
            for _ in range(4):
                held.enter_context(_client(scene))
            scene.away(0.2, 1.0)
        administrator.stdin.write(f"SET GLOBAL max_connections = {before};\n")
        administrator.stdin.close()
        administrator.wait(30)


@contextmanager
def _client(scene: Scene) -> Iterator[subprocess.Popen[str]]:
    """A session of an administrator."""
    mariadb = scene.stage.mariadb
    client = subprocess.Popen(
        [mariadb._client, "--no-defaults", f"--socket={mariadb.socket}", "-uroot", "-N", "--unbuffered"],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        yield client
    finally:
        client.kill()
        client.wait()


def _kill_sessions(scene: Scene) -> None:
    kills = "".join(f"KILL {row[0]};" for row in scene.stage.sql(_OURS))
    scene.stage.mariadb.sql(kills, check=False)  # some have gone by themselves


# Asterisk.


def asterisk_restarted(scene: Scene) -> None:
    """An orderly end: every call is hung up and told of, then the link is closed."""
    scene.stage.asterisk.command("core stop now")
    assert scene.stage.asterisk.child is not None
    scene.stage.asterisk.child.process.wait(30)
    scene.away(0.0, 1.0)
    scene.stage.asterisk.start()


def asterisk_reloaded(scene: Scene) -> None:
    """Everything is read anew in the middle of the calls."""
    for _ in range(3):
        scene.stage.asterisk.command("core reload")
        scene.away(0.0, 0.5)


def asterisk_frozen_long(scene: Scene) -> None:
    """Frozen for longer than orders are waited for; what lay in the socket is carried out when it wakes."""
    assert scene.stage.asterisk.child is not None
    scene.stage.asterisk.child.process.send_signal(signal.SIGSTOP)
    scene.away(5.0, 14.0)
    scene.stage.asterisk.child.process.send_signal(signal.SIGCONT)
