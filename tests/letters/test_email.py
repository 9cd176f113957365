"""E-mails leave through a mail server or into a folder; what fails for now is told apart from what fails for good."""

from collections.abc import Callable
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from service.errors import Invalid, Refused
from service.identity.messages import Message
from service.letters.email import TryLater, Undeliverable, deliver
from service.settings import Settings, load
from service.values import clock
from tests.letters.mail_server import PASSWORD, USER, MailServer, certificate, free_port, serving

TO = "kasserer@klub.example"
SENDER = "medspiller@kommune.example"
MAIL = Message(
    TO, "Log ind på Medspiller: Ærø", "Hej\n\nBrug linket inden kl. 9. Blåbærgrød 🍓\n.\n" + "x" * 2000 + "\n"
)
# Not this machine by name, though it is: encryption is asked of it.
ELSEWHERE = "127.0.0.2"


def _settings(url: str | None, home: Path = Path("unused")) -> Settings:
    return msgspec.structs.replace(load(), home=home, smtp_url=url, email_from=SENDER)


def _at(server: MailServer, host: str = "localhost", scheme: str = "smtp", user: str = "") -> Settings:
    return _settings(f"{scheme}://{user}{host}:{server.port}")


LOGIN = f"{quote(USER, safe='')}:{quote(PASSWORD, safe='')}@"


def _is_the_mail(message: EmailMessage) -> None:
    assert (message["To"], message["From"], message["Subject"]) == (TO, SENDER, MAIL.subject)
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "text/plain"
    assert message.get_content().replace("\r\n", "\n") == MAIL.text


# The message


@pytest.mark.parametrize(
    "to",
    [
        "nobody",
        "",
        "@klub.example",
        "a@",
        "a@klub.example\nBcc: b@klub.example",
        "a@klub.example\r\nBcc: b@klub.example",
        "a@klub.example, b@klub.example",
        "a@klub.example b@klub.example",
        "A <a@klub.example>",
        "a@klub.example\0",
        "a@klub.example\u2028",
        "bjørn@klub.example",
        "a" * 250 + "@klub.example",
    ],
)
def test_what_is_no_address(to: str) -> None:
    with pytest.raises(Invalid, match="no e-mail address"):
        Message(to, "Subject", "Text")


@pytest.mark.parametrize("subject", ["", " ", "One\nBcc: b@klub.example", "One\r", "\x85", "x" * 201])
def test_what_is_no_subject(subject: str) -> None:
    with pytest.raises(Invalid, match="subject is one line"):
        Message(TO, subject, "Text")


def test_a_text_adds_no_header(tmp_path: Path) -> None:
    deliver(_settings(None, tmp_path), Message(TO, "Subject: Bcc: b@klub.example", "Bcc: b@klub.example\n\nText"))
    [message] = _in_folder(tmp_path)
    assert message["Bcc"] is None
    assert message["Subject"] == "Subject: Bcc: b@klub.example"


# The folder


def _in_folder(home: Path) -> list[EmailMessage]:
    files = sorted((home / "emails").iterdir())
    return [message_from_bytes(path.read_bytes(), policy=default) for path in files]


def test_the_folder(tmp_path: Path, at: Callable[[str], None]) -> None:
    deliver(_settings(None, tmp_path), MAIL, "0123abcd")
    [file] = (tmp_path / "emails").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert "kasserer" not in file.name
    [message] = _in_folder(tmp_path)
    _is_the_mail(message)
    assert message["Message-ID"] == "<0123abcd@kommune.example>"


def test_files_sort_by_time(tmp_path: Path, at: Callable[[str], None]) -> None:
    """Also where the clock stands still."""
    order: list[str] = []
    for instant in ("2017-01-15T08:00Z", "2017-01-15T08:00Z", "2017-01-16T07:00Z"):
        at(instant)
        order.append(f"{instant} {len(order)}")
        deliver(_settings(None, tmp_path), Message(TO, order[-1], "Text"))
    assert [message["Subject"] for message in _in_folder(tmp_path)] == order
    assert _in_folder(tmp_path)[0]["Date"].datetime == datetime(2017, 1, 15, 8, tzinfo=UTC)
    clock.pin(None)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "emails").write_text("a file in its place")
    with pytest.raises(TryLater):
        deliver(_settings(None, tmp_path), MAIL)


# The server


def test_a_server_takes_it() -> None:
    with serving() as server:
        deliver(_at(server), MAIL, "0123abcd")
        deliver(_at(server), MAIL)
    first, second = server.taken
    assert (first.sender, first.recipients) == (SENDER, [TO])
    _is_the_mail(first.message)
    assert first.message["Message-ID"] == "<0123abcd@kommune.example>"
    assert second.message["Message-ID"].endswith("@kommune.example>")


@pytest.mark.parametrize(
    ("says", "error"),
    [
        ({"RCPT": f"550 5.1.1 <{TO}> does not exist"}, Undeliverable),
        ({"RCPT": f"450 4.2.1 <{TO}> is busy"}, TryLater),
        ({"DATA": f"554 5.7.1 <{TO}> wants no such mail"}, Undeliverable),
        ({"DATA": f"451 4.3.0 <{TO}> later"}, TryLater),
        # That is ours to set right, not the addressee's.
        ({"MAIL": f"550 5.7.1 <{TO}> not from you"}, TryLater),
        ({"MAIL": "421 closing"}, TryLater),
        ({"MAIL": None}, TryLater),
        ({"RCPT": None}, TryLater),
        ({"DATA": None}, TryLater),
    ],
)
def test_a_server_refuses_it(says: dict[str, str | None], error: type[Exception]) -> None:
    with serving() as server:
        server.says = says
        with pytest.raises(error) as refused:
            deliver(_at(server), MAIL)
    assert server.taken == []
    # The answers quote the address; the log of the error must not.
    assert TO not in str(refused.value)
    assert refused.value.__suppress_context__
    assert refused.value.__cause__ is None


def test_a_server_is_gone() -> None:
    with pytest.raises(TryLater):
        deliver(_settings(f"smtp://localhost:{free_port()}"), MAIL)
    with pytest.raises(TryLater):
        deliver(_settings("smtp://nowhere.invalid:25"), MAIL)


@pytest.mark.parametrize("goodbye", ["500 what?", None])
def test_a_goodbye_that_fails_is_no_failure(goodbye: str | None) -> None:
    """The server has taken the mail: another attempt would be a second mail."""
    with serving() as server:
        server.says = {"QUIT": goodbye}
        deliver(_at(server), MAIL)
    assert len(server.taken) == 1


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
def test_a_user_and_a_password() -> None:
    with serving(users=True, auth_require_tls=False) as server:
        deliver(_at(server, user=LOGIN), MAIL)
        with pytest.raises(TryLater, match="535"):
            deliver(_at(server, user=LOGIN.replace("pass", "word")), MAIL)
        with pytest.raises(TryLater):
            deliver(_at(server), MAIL)
    assert len(server.taken) == 1


def test_a_domain_beyond_ascii() -> None:
    with serving() as server:
        deliver(_at(server), Message("formand@blåbær.example", "Hej", "Hej"))
    assert server.taken[0].recipients == ["formand@xn--blbr-roah.example"]
    with pytest.raises(Undeliverable):
        deliver(_at(server), Message(f"a@{'x' * 64}.example", "Hej", "Hej"))


# Encryption


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
def test_nothing_is_said_to_a_server_that_does_not_encrypt() -> None:
    with serving(ELSEWHERE, users=True, auth_require_tls=False) as server:
        with pytest.raises(TryLater, match="no encryption"):
            deliver(_at(server, ELSEWHERE, user=LOGIN), MAIL)
        assert server.taken == []


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
@pytest.mark.filterwarnings("ignore:Requiring AUTH")
def test_encryption(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    context, authority = certificate(tmp_path, ELSEWHERE)
    options: dict[str, Any] = {"tls_context": context} if scheme == "smtp" else {"ssl_context": context}
    # The controller itself speaks to its server once, and does not know the certificate.
    monkeypatch.setattr("aiosmtpd.controller.get_localhost", lambda: ELSEWHERE)
    with serving(ELSEWHERE, users=True, auth_require_tls=scheme == "smtp", **options) as server:
        with pytest.raises(TryLater):
            deliver(_at(server, ELSEWHERE, scheme, LOGIN), MAIL)
        assert server.taken == []
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        deliver(_at(server, ELSEWHERE, scheme, LOGIN), MAIL)
    [taken] = server.taken
    _is_the_mail(taken.message)
    assert taken.encrypted or scheme == "smtps"


# The settings


def test_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load().smtp_url is None
    monkeypatch.setenv("MEDSPILLER_SMTP_URL", "smtps://user:secret@mail.example")
    with pytest.raises(Refused, match="Set MEDSPILLER_EMAIL_FROM"):
        load()
    monkeypatch.setenv("MEDSPILLER_EMAIL_FROM", SENDER)
    assert (load().smtp_url, load().email_from) == ("smtps://user:secret@mail.example", SENDER)


@pytest.mark.parametrize(
    "url", ["mail.example", "https://a:secret@mail.example", "smtp://", "smtp://secret@h:x", "smtp://h/secret"]
)
def test_a_server_that_is_none(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("MEDSPILLER_EMAIL_FROM", SENDER)
    monkeypatch.setenv("MEDSPILLER_SMTP_URL", url)
    with pytest.raises(Refused, match="MEDSPILLER_SMTP_URL must be of the form") as refused:
        load()
    assert "secret" not in refused.value.message


@pytest.mark.parametrize(
    "sender", ["nobody", "A <a@kommune.example>", "a@kommune.example\nBcc: b@c.example", "å@kommune.example"]
)
def test_a_sender_that_is_none(monkeypatch: pytest.MonkeyPatch, sender: str) -> None:
    monkeypatch.setenv("MEDSPILLER_EMAIL_FROM", sender)
    with pytest.raises(Refused, match="MEDSPILLER_EMAIL_FROM must be an e-mail address"):
        load()
