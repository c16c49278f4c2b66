"""How a request's fields are read: the documented form, JSON, odd charsets, limits; and rates."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.api.integra import form as module
from engine.api.integra.dates import us_date
from engine.api.integra.form import read_form
from engine.api.limits import Buckets
from engine.domain.errors import FieldError

URLENCODED = "application/x-www-form-urlencoded; charset=UTF-8"


def test_the_documented_form() -> None:
    form = read_form(b"campaign=POWER%3C-&d2=one&d2=two&comment=&data=a+b%3A%C3%A9", URLENCODED)
    assert form.get("campaign") == "POWER<-"
    assert form.get("d2") == "one"
    assert form.has("comment")
    assert form.get("comment") == ""
    assert form.get("missing", "x") == "x"
    assert form.get("data") == "a b:é"
    with pytest.raises(FieldError, match="comment"):
        form.required("comment")


@pytest.mark.parametrize("kind", ["", "text/plain", URLENCODED, "application/x-www-form-urlencoded"])
def test_no_content_type_and_no_body_are_as_good(kind: str) -> None:
    assert read_form(b"", kind).get("a") == ""
    assert read_form(b"a=1&&=2&b", kind).get("a") == "1"


def test_json_text_fields() -> None:
    body = orjson.dumps({"call": {"campaign": "A"}, "cant": 5, "name": "x", "none": None, "on": True})
    form = read_form(body, "application/json; charset=utf-8")
    assert form.json("call") == {"campaign": "A"}
    assert (form.get("cant"), form.get("name"), form.has("none"), form.get("on")) == ("5", "x", False, "true")


def test_latin_1_when_it_says_so() -> None:
    assert read_form(b"a=%E9", "application/x-www-form-urlencoded; charset=ISO-8859-1").get("a") == "é"


MULTIPART = "multipart/form-data; boundary=----xY7"


def parts(*heads_and_values: tuple[str, str]) -> bytes:
    each = "".join(f"------xY7\r\n{head}\r\n\r\n{value}\r\n" for head, value in heads_and_values)
    return f"{each}------xY7--\r\n".encode()


def test_multipart_as_browsers_and_libraries_send_it() -> None:
    body = parts(
        ('Content-Disposition: form-data; name="campaign"', "POWER<-"),
        ("content-disposition: form-data; name=d2", ""),
        ('Content-Disposition: form-data; name="d2"\r\nContent-Type: text/plain; charset=utf-8', "é+b%20"),
        ('Content-Disposition: form-data; name="fileb64"; filename="a;b.csv"', "QQ==\r\n----x"),
    )
    form = read_form(body, MULTIPART)
    assert (form.get("campaign"), form.get("d2")) == ("POWER<-", "é+b%20")
    assert form.get("fileb64") == "QQ==\r\n----x"
    quoted = body.replace(b"----xY7", b"a b")
    assert (
        read_form(b"preamble\r\n" + quoted, 'multipart/form-data; boundary="a b"').get("campaign")
        == "POWER<-"
    )
    assert read_form(b"------xY7--\r\n", MULTIPART).get("campaign") == ""


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (parts(("Content-Disposition: form-data", "1")) + b"", "multipart/form-data"),
        (b"a=1", MULTIPART),
        (parts(('Content-Disposition: form-data; name="a"', "1"))[:-6], MULTIPART),
        (parts(("Content-Type: text/plain", "1")), MULTIPART),
        (b"------xY7\r\nno end\r\n------xY7--", MULTIPART),
        (parts(*[('Content-Disposition: form-data; name="a"', "1")] * 300), MULTIPART),
        (parts(('Content-Disposition: form-data; name="a"', "x" * 70_000)), MULTIPART),
        (parts(('Content-Disposition: form-data; name="a"', "é")).replace(b"\xc3", b"\xff"), MULTIPART),
        (parts(('Content-Disposition: form-data; name="é"', "1")).replace(b"\xc3", b"\xff"), MULTIPART),
        (b"a=%E9", URLENCODED),
        (b"a=1&" * 300, URLENCODED),
        (b"x" * 200 + b"=1", URLENCODED),
        (b"a=" + b"x" * 70_000, URLENCODED),
        (b"[1]", "application/json"),
        (b"{", "application/json"),
        (orjson.dumps({str(n): 1 for n in range(300)}), "application/json"),
        (orjson.dumps({"a": "x" * 70_000}), "application/json"),
    ],
)
def test_what_cannot_be_fields_is_refused(body: bytes, kind: str) -> None:
    with pytest.raises(FieldError):
        read_form(body, kind)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=0, max_size=60), st.integers(1, 9))
def test_a_long_field_is_the_same_read_in_slices(text: str, size: int) -> None:
    whole = module._SLICE
    module._SLICE = max(size, 4)
    try:
        assert read_form(urlencode({"f": text, "g": "1"}).encode(), URLENCODED, large=True).get("f") == text
    finally:
        module._SLICE = whole


def test_us_dates_as_printed() -> None:
    assert us_date(datetime.fromisoformat("2012-02-29 10:05:06")) == "Feb 29, 2012 10:05:06 AM"
    assert us_date(datetime.fromisoformat("2018-11-02 00:31:42")) == "Nov 2, 2018 12:31:42 AM"
    assert us_date(datetime.fromisoformat("2018-11-02 12:31:42")) == "Nov 2, 2018 12:31:42 PM"


def test_a_bucket_refills_with_time_and_forgets_who_is_long_gone() -> None:
    now = [0.0]
    buckets = Buckets(2.0, lambda: now[0])
    assert [buckets.take("a") for _ in range(21)] == [True] * 20 + [False]
    assert buckets.take("b")
    now[0] += 0.5
    assert [buckets.take("a") for _ in range(2)] == [True, False]
    for number in range(20_001):
        buckets.take(str(number))
    assert buckets.take("a")
