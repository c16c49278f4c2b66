"""The documented shapes of answers: keys in the order of the samples, each with its type."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

#: Dialers/get: 26 keys. True = a number.
DIALER_KEYS: Mapping[str, bool] = {
    "campaign": False, "schedule": False, "dialertype": False, "status": True, "dialstring": False,
    "context": False, "exten": False, "am": True, "sound": False, "maxchannels": True, "variables": False,
    "timeout": True, "callerid": False, "retries": True, "callerpres": True, "tbc": True, "dncr": True,
    "schedulephones": False, "autoanswer": True, "tbc_nocontact": True, "earlymedia": True,
    "recyclecount": True, "recycle": False, "country": False, "rule": False, "autoconvertcallerid": True,
}  # fmt: skip

#: getqueues: 47 keys with the values of a campaign that has no row of its own.
QUEUE_DEFAULTS: Mapping[str, str | int | bool] = {
    "name": "", "musiconhold": "default", "announce": "", "context": "", "timeout": 15,
    "monitorType": "MixMonitor", "monitorFormat": "gsm", "announceFrequency": 0, "announceRoundSeconds": 0,
    "announceHoldtime": "no", "announcePosition": "no", "retry": 3, "wrapuptime": 0, "maxlen": 100,
    "servicelevel": 15, "strategy": "rrmemory", "joinempty": "yes", "leavewhenempty": "no",
    "eventmemberstatus": False, "eventwhencalled": True, "reportholdtime": False, "memberdelay": 0,
    "weight": 0, "timeoutrestart": True, "ringinuse": False, "setinterfacevar": True,
    "periodicAnnounce": "", "periodicAnnounceFrequency": "0", "did": "", "direction": "outbound",
    "interactions": "", "email": "", "thresholds": "", "welcome": "", "schedule": "sun-sat;00:00-23:59",
    "form": "", "quality": "", "dialstring": "", "voicemail": "", "queue_survey": 0, "queue_timeout": 600,
    "auto_answer": "FALSE", "show_dispositions": 1, "queue_breaks": "", "screen_recording": 0,
    "language": "en", "transferCampaigns": "",
}  # fmt: skip


def dialer_object(row: Mapping[str, Any]) -> dict[str, str | int]:
    """Return a row of `dialers` as Dialers/get shows it."""
    return {key: int(row[key]) if number else str(row[key]) for key, number in DIALER_KEYS.items()}


def queue_object(row: Mapping[str, Any]) -> dict[str, str | int | bool]:
    """Return a row of `queues` as getqueues shows it: the types are those of the sample."""
    return {key: type(default)(row[key]) for key, default in QUEUE_DEFAULTS.items()}


def dialer_as_queue(row: Mapping[str, Any]) -> dict[str, str | int | bool]:
    """Return a dialer without a queue (voice broadcast) among the campaigns: "dialers and queues"."""
    own: dict[str, str | int | bool] = {
        "name": str(row["campaign"]), "schedule": str(row["schedule"]), "did": str(row["callerid"]),
        "dialstring": str(row["dialstring"]), "timeout": int(row["timeout"]), "context": str(row["context"]),
    }  # fmt: skip
    return {**QUEUE_DEFAULTS, **own}


#: One record of getrecords: the documented columns of CDR_REPO.
RECORD_KEYS = (
    "calldate", "clid", "src", "dst", "dcontext", "channel", "dstchannel", "lastapp", "duration", "billsec",
    "disposition", "amaflags", "accountcode", "guid", "causecode", "campaign", "charged_balance",
    "real_balance", "note", "contact", "finishtime", "rating", "dialerbase", "type", "uniqueid", "userfield",
)  # fmt: skip
_NUMBERS = frozenset(("duration", "billsec", "amaflags"))
_DECIMALS = frozenset(("charged_balance", "real_balance", "rating"))


def record_object(row: Mapping[str, Any]) -> dict[str, str | int | float | None]:
    """Return a row of `cdr_repo` as getrecords shows it; dates as everywhere in the documents."""
    shown: dict[str, str | int | float | None] = {}
    for key in RECORD_KEYS:
        value = row[key]
        if isinstance(value, datetime):
            shown[key] = f"{value:%Y-%m-%d %H:%M:%S}"
        elif key in _NUMBERS:
            shown[key] = int(value)
        elif key in _DECIMALS:
            shown[key] = None if value is None else float(value)
        else:
            shown[key] = str(value)
    return shown
