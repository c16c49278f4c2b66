"""The faults: each breaks something at once and mends it after a moment."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable

from engine.domain.modes import Mode
from engine.lab.parts import Child
from tests.chaos import rare, uploads
from tests.chaos.scene import FLOODER, Scene
from tests.ways import SETTINGS

# The engine.


def engine_killed(scene: Scene) -> None:
    """kill -9 of the engine, a new one on the same database."""
    scene.engine.kill()
    scene.away(0.0, 0.5)
    scene.stage.start(fresh_log=True)


def engine_stopped(scene: Scene) -> None:
    """An orderly restart."""
    assert scene.stage.stop() == 0, "everything was written and every call ended"
    scene.stage.start(fresh_log=True)


def engine_paused(scene: Scene) -> None:
    """Frozen for less than its lease."""
    _freeze(scene, scene.engine, 0.5, 3.0)


def leader_killed(scene: Scene) -> None:
    """kill -9 while another engine stands by on the same machine."""

    def kill() -> None:
        scene.engine.kill()
        scene.stage.engine = None

    scene.take_over(kill)
    scene.stage.start(fresh_log=True, leads=False)
    _hand_back(scene)


def leader_frozen(scene: Scene) -> None:
    """Frozen for longer than its lease; when it wakes, the standby leads."""
    first = scene.engine
    scene.take_over(lambda: first.process.send_signal(signal.SIGSTOP))
    first.process.send_signal(signal.SIGCONT)
    scene.stage.wait(lambda: scene.stage.logged("engine.fenced"), "the first one knows")
    scene.working()
    _hand_back(scene)


def leader_without_database(scene: Scene) -> None:
    """The leader alone loses the database, its calls go on; the standby leads."""
    scene.take_over(scene.db.refuse)
    scene.db.allow()
    scene.stage.wait(lambda: scene.stage.logged("engine.fenced"), "the first one knows")
    scene.working()
    _hand_back(scene)


def _hand_back(scene: Scene) -> None:
    """The standby stops in order; the first engine leads again at once."""
    assert scene.stage.standby is not None
    assert scene.stage.standby.child.stop(60.0) == 0, scene.stage.standby.child.tail()
    scene.stage.standby = None
    scene.stage.wait(lambda: scene.leader() == "test", "the first engine leads again")
    scene.stage.rotate_log()


# The lines.


def link_cut(scene: Scene) -> None:
    """The AMI connection breaks and no new one is taken for a while."""
    scene.ami.refuse()
    scene.away(0.0, 2.0)
    scene.ami.allow()


def link_silent(scene: Scene) -> None:
    """Half-open: the AMI connection is there and carries nothing."""
    scene.ami.freeze()
    scene.away(0.5, 3.0)
    scene.ami.allow()


def network_cut(scene: Scene) -> None:
    """Asterisk and the database at once."""
    scene.ami.refuse()
    scene.db.refuse()
    scene.away(0.0, 2.0)
    scene.db.allow()
    scene.ami.allow()


# The database.


def database_killed(scene: Scene) -> None:
    scene.stage.mariadb.kill()
    scene.away(0.0, 1.0)
    scene.stage.mariadb.start(fresh=False)


def database_frozen(scene: Scene) -> None:
    assert scene.stage.mariadb.child is not None
    _freeze(scene, scene.stage.mariadb.child, 0.5, 3.0)


def database_cut(scene: Scene) -> None:
    scene.db.refuse()
    scene.away(0.0, 2.0)
    scene.db.allow()


def database_silent(scene: Scene) -> None:
    """Half-open: statements leave, and no answer ever comes."""
    scene.db.freeze()
    scene.away(0.5, 3.0)
    scene.db.allow()


def database_slow(scene: Scene) -> None:
    """Every statement takes its time."""
    scene.db.delay = scene.dice.uniform(0.05, 0.2)
    scene.away(1.0, 3.0)
    scene.db.delay = 0.0


def database_locked(scene: Scene) -> None:
    """A report of somebody else holds the rows for longer than we care to wait."""
    seconds = scene.dice.uniform(1.0, 4.0)
    scene.stage.sql(
        "SET innodb_lock_wait_timeout = 60; START TRANSACTION;"
        " SELECT COUNT(*) FROM (SELECT id FROM ccdata.attempts FOR UPDATE) a;"
        f" SELECT SLEEP({seconds:.1f}); ROLLBACK;"
    )


def database_read_only(scene: Scene) -> None:
    """What a fail-over leaves behind for a moment: a server that takes no writes."""
    scene.stage.sql("SET GLOBAL read_only = 1")
    scene.away(0.5, 2.0)
    scene.stage.sql("SET GLOBAL read_only = 0")


def database_full(scene: Scene) -> None:
    """The server's own word for a full disk, on the tables that outcomes go to."""
    full = "FOR EACH ROW SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1114, MESSAGE_TEXT = 'The table is full'"
    scene.stage.sql(
        f"CREATE TRIGGER ccrepo.full_cdr BEFORE INSERT ON ccrepo.cdr_repo {full};"
        f"CREATE TRIGGER ccrepo.full_log BEFORE INSERT ON ccrepo.queue_log_repo {full};"
    )
    scene.away(0.5, 3.0)
    scene.stage.sql("DROP TRIGGER ccrepo.full_cdr; DROP TRIGGER ccrepo.full_log;")


def packets_small(scene: Scene) -> None:
    """max_allowed_packet becomes too small for what waits to be written."""
    scene.stage.sql("SET GLOBAL max_allowed_packet = 8192")
    scene.db.refuse()
    scene.away(0.5, 1.0)
    scene.db.allow()  # with new sessions, which have the new limit
    scene.working()
    scene.stage.sql("SET GLOBAL max_allowed_packet = 16777216")


# Asterisk and the carrier.


def asterisk_killed(scene: Scene) -> None:
    scene.stage.asterisk.kill()
    scene.away(0.0, 1.0)
    scene.stage.asterisk.start()


def asterisk_frozen(scene: Scene) -> None:
    assert scene.stage.asterisk.child is not None
    _freeze(scene, scene.stage.asterisk.child, 0.5, 3.0)


def orders_refused(scene: Scene) -> None:
    """The dialplan has nowhere for the calls to go, so Asterisk refuses the orders."""
    context = SETTINGS[scene.mode][0]
    scene.stage.asterisk.command(f"dialplan remove context {context}")
    scene.away(0.3, 1.0)
    scene.stage.asterisk.command("dialplan reload")


def calls_cut(scene: Scene) -> None:
    """Every channel is hung up, agents' legs and customers' alike."""
    scene.stage.asterisk.command("channel request hangup all")


def ari_cut(scene: Scene) -> None:
    """The ARI connection breaks and no new one is taken for a while."""
    scene.ari.refuse()
    scene.away(0.0, 2.0)
    scene.ari.allow()


def ari_silent(scene: Scene) -> None:
    """Half-open: the ARI connection is there and carries nothing."""
    scene.ari.freeze()
    scene.away(0.5, 3.0)
    scene.ari.allow()


def trunk_storm(scene: Scene) -> None:
    """The carrier answers 503 to everything."""
    scene.stage.carrier.stop()
    scene.storm.start()
    scene.away(0.5, 1.5)
    scene.storm.stop()
    scene.stage.carrier.start()


def carrier_killed(scene: Scene) -> None:
    """Nobody answers INVITEs, and talks end without a word."""
    scene.stage.carrier.kill()
    scene.away(0.0, 1.0)
    scene.stage.carrier.start()


def event_flood(scene: Scene) -> None:
    """Thousands of events that concern nobody."""
    asterisk = scene.stage.asterisk
    event = (
        "Action: UserEvent\r\nUserEvent: OverdialQueueExit\r\nAttempt: nobody\r\nStatus: TIMEOUT\r\n"
        f"Filler: {'x' * 500}\r\n\r\n"
    ).encode()
    with socket.create_connection(("127.0.0.1", asterisk.ami_port)) as line:
        login = f"Action: Login\r\nUsername: {FLOODER}\r\nSecret: {asterisk.secret}\r\nEvents: off\r\n\r\n"
        line.sendall(login.encode())
        for _ in range(40):
            line.sendall(event * 250)
            line.recv(1 << 20)
        line.sendall(b"Action: Logoff\r\n\r\n")
        while line.recv(1 << 20):
            pass


def machine_lost(scene: Scene) -> None:
    """Everything at once, as when the power fails."""
    scene.engine.kill()
    scene.stage.asterisk.kill()
    scene.stage.mariadb.kill()
    scene.away(0.0, 0.5)
    scene.stage.mariadb.start(fresh=False)
    scene.stage.asterisk.start()
    scene.stage.start(fresh_log=True)


def _freeze(scene: Scene, part: Child, least: float, most: float) -> None:
    part.process.send_signal(signal.SIGSTOP)
    scene.away(least, most)
    part.process.send_signal(signal.SIGCONT)


FAULTS: dict[str, Callable[[Scene], None]] = {
    fault.__name__: fault
    for fault in (
        engine_killed,
        engine_stopped,
        engine_paused,
        leader_killed,
        leader_frozen,
        leader_without_database,
        link_cut,
        link_silent,
        network_cut,
        database_killed,
        database_frozen,
        database_cut,
        database_silent,
        database_slow,
        database_locked,
        database_read_only,
        database_full,
        packets_small,
        asterisk_killed,
        asterisk_frozen,
        orders_refused,
        carrier_killed,
        calls_cut,
        ari_cut,
        ari_silent,
        event_flood,
        machine_lost,
        uploads.office_killed,
        uploads.office_frozen,
        uploads.office_without_database,
        uploads.office_orphaned,
        rare.leaders_in_turn,
        rare.machine_paused,
        rare.disk_full,
        rare.link_torn,
        rare.login_refused,
        rare.database_restarted,
        rare.database_frozen_long,
        rare.database_backup,
        rare.tables_locked,
        rare.spool_locked,
        rare.lease_locked,
        rare.sessions_killed,
        rare.connections_exhausted,
        rare.asterisk_restarted,
        rare.asterisk_reloaded,
        rare.asterisk_frozen_long,
        # Last: a trunk that has rested before rests longer.
        trunk_storm,
    )
}


#: Only a broadcast would notice these.
_OF_BROADCASTS = frozenset(("ari_cut", "ari_silent"))
#: Others do the same in less time: left out where every kind is tried just once, as a part of all tests.
LONG = frozenset(
    (
        "office_frozen", "office_without_database", "leaders_in_turn", "machine_paused", "login_refused",
        "database_restarted", "database_frozen_long", "tables_locked", "spool_locked", "lease_locked",
        "connections_exhausted", "asterisk_reloaded", "asterisk_frozen_long",
        "database_backup", "sessions_killed",
    )
)  # fmt: skip


def kinds_for(mode: Mode) -> list[str]:
    """Return the kinds of faults that concern campaigns of this mode."""
    return [kind for kind in FAULTS if mode is Mode.BROADCAST or kind not in _OF_BROADCASTS]
