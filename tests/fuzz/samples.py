"""A documented request for every endpoint, and the strings that must end as data wherever they stand."""

from __future__ import annotations

from typing import Any

CAMPAIGN = "FUZZ<-"
FOREIGN = "THEIRS<-"
GUID = "019aa0c0-0000-7000-8000-000000000000"
#: base64 of `FUZZ<-;55510001;a=b;;9999;`.
FILE = "RlVaWjwtOzU1NTEwMDAxO2E9Yjs7OTk5OTs="

_DISPOSITION = {
    "campaign": CAMPAIGN, "agent": "agent", "callerid": "55510001", "guid": GUID, "l1": "Sale", "l2": "",
    "l3": "", "d1": "", "d2": "", "comment": "", "schedule": "", "camptoreschedule": "", "tag": "",
}  # fmt: skip
_PHONE = {
    "LogLevel": "SEVERE", "allow": "alaw;ulaw", "id": 407, "context": "agentes", "did": "", "disallow": "all",
    "dtmfmode": "rfc2833", "email": "", "encryption": "yes", "canreinvite": "", "insecure": "",
    "host": "dynamic", "language": "es", "mailbox": "", "nat": "yes", "phonetype": "SoftPhone",
    "pickupgroup": "", "callgroup": "", "qualify": "yes", "record": "agent", "subscribecontext": "default",
    "transport": "wss", "port": "", "outboundproxy": "", "type": "friend", "limite": "0",
    "fullname": "A Name", "accountcode": "newagent", "callerid": "2001", "defaultuser": "2001",
    "name": "2001", "secret": "Correct-horse-7",
}  # fmt: skip
_FILTER = {
    "calldatei": "2026-01-01 00:00:00", "calldatef": "2026-12-31 23:59:59", "agent": "", "campaign": CAMPAIGN,
    "source": "", "destination": "", "data": "", "range": "", "rating": "", "mindur": "", "exclude": "",
    "type": "record", "cont": "",
}  # fmt: skip
_UPLOAD = {"filename": "list.csv", "fileb64": FILE, "campaign": CAMPAIGN, "cant": "1", "username": "boss"}

#: Path below `Integra/resources/` → fields as documented; a dict or list is sent as JSON text.
SAMPLES: dict[str, dict[str, Any]] = {
    "auth/UserLogin": {"user": "nobody", "password": "Correct-horse-7"},
    "auth/EndSession": {"user": "nobody", "token": "bm9ib2R5OjE="},
    "auth/getUserToken": {"user": "nobody", "password": "Correct-horse-7"},
    "auth/AgentLogin": {"agent": "nobody", "password": "Correct-horse-7"},
    "api/AgentLogoff": {"agent": "agent", "interface": "SIP/201", "message": "lunch"},
    "Agents/AgentCall": {
        "callerid": "18885550100", "agent": "agent", "phone": "201", "tech": "SIP", "context": "agents",
        "outqueue": CAMPAIGN, "destination": "55510001",
    },
    "Agents/HungupPhone": {"phone": "201"},
    "Agents/HangupPhone": {"phone": "201"},
    "api/DispositionCall": _DISPOSITION,
    "admin/CallWorkflow": {"context": "flow", "extension": "start", "jsonparams": {"name": "x", "n": 1}},
    "admin/addblack": {
        "black": {
            "phone": "55510009", "campaign": CAMPAIGN, "username": "boss", "company": "", "job_title": "",
            "name": "",
        }
    },
    "Cdr/getrecords": {"lastrow": "0", "searchLimit": "50", "filter": _FILTER, "Random": "1"},
    "Supervisor/convert": {"guid": GUID, "folder": "20260304"},
    "Agents/TagRecord": {"phone": "55510001", "guid": GUID, "data": "a tag"},
    "Dialers/Respool": {
        "callspool": {
            "campaign": CAMPAIGN, "destination": "55510001", "data": "a=b", "alternatives": "", "contact": "",
            "dialerbase": "", "priority": 9999, "agentphone": "", "retries": 0, "status": 1, "guid": GUID,
        }
    },
    "Dialers/ScheduleDialerCall": {
        "callschedule": {
            "calldate": "2030-01-01 10:00:00", "campaign": CAMPAIGN, "destination": "55510001",
            "agentphone": "", "alternatives": "", "data": "a=b",
        }
    },
    "Dialers/DialerTask": {
        "call": {
            "calldate": None, "campaign": CAMPAIGN, "destination": "555-100-01", "alternatives": "",
            "agent": "", "data": "a=b:c=d", "source": "source", "bulk": False, "automatic": True,
        }
    },
    "Dialers/RemoveContact": {"campaign": CAMPAIGN, "number": "55510001"},
    "Dialers/RemoveScheduleDialerCall": {
        "campaign": CAMPAIGN, "destination": "55510001", "from": "2030-01-01 00:00:00",
        "to": "2030-12-31 00:00:00",
    },
    "Dialers/uploadbase": _UPLOAD,
    "Dialers/uploadbasewithtimezone": {**_UPLOAD, "timezone": "America/Montevideo"},
    "Dialers/get": {},
    "Supervisor/queuesummary": {},
    "Supervisor/campaignstatus": {"queue": CAMPAIGN},
    "queues/getqueues": {"lastrow": ""},
    "queues/addqueuemember": {
        "queuemember": [
            {"membername": "agent", "queueName": CAMPAIGN, "interface1": "SIP/201", "penalty": 0, "paused": 0}
        ]
    },
    "sip/addsip": {"phone": _PHONE},
}  # fmt: skip

#: What comes to be when one of them is not data but a command.
TOUCHED = "/tmp/overdial-was-here"
#: What has broken other dialers, databases and servers.
NASTY: tuple[Any, ...] = (
    "' OR '1'='1", "'; DROP TABLE users; -- ", "1); DELETE FROM ccdata.users; --", "\\'", "%s", "%(a)s",
    "{0}", "`",
    "x\r\nAction: Originate\r\nApplication: System\r\nData: touch /tmp/overdial-was-here\r\n\r\n",
    "a\nb", "\r", "\x00", "\x1b[2J", "${SHELL(touch /tmp/overdial-was-here)}", "$[1/0]",
    "1,System(touch /tmp/overdial-was-here)", "a&Local/s@default", "SIP/201&SIP/202", "__EVIL",
    "../../../../etc/passwd", "/etc/passwd", "..\\..\\x", "list/../../../x.csv", "\u202egnp.exe",
    "a" * 5000, "<script>alert(1)</script>", "=cmd|' /C calc'!A0", "NaN", "1e999", "-1",
    "99999999999999999999999", "0x10", "null", "[]", "{}", "[[[[[[", '{"a":' * 50, "2026-02-31 25:61:61",
    "0000-00-00 00:00:00", "9999-12-31 23:59:59", "é" * 200, "\U0001f4de", "\ud7ff\uf8ff", "  ", "*",
    "<-", "M=0980", "T=-5=1", "::::", "=", "sun-sat;00:00-23:59", None, True, -1, 0, 2**63, 1.5, 1e308,
    [], {}, ["a"], {"a": {"b": ["c"]}},
)  # fmt: skip
