"""The port by which text messages leave: a folder of files, from which a gateway of the operator's takes them."""

import json
import secrets
import time

import msgspec

from service.database.cluster import write
from service.letters.email import TryLater
from service.settings import Settings
from service.values import clock

TASK = "medspiller.text"
# A queue of its own, as e-mails have.
QUEUE = "text"
FOLDER = "texts"


class TextMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text message to one number."""

    to: str
    text: str


def deliver_text(settings: Settings, message: TextMessage, mark: str) -> None:
    """Put a text message into HOME/texts, whole or not at all: JSON with `to`, `text` and `mark`.

    `mark` is the same for every attempt at one message, by which a gateway knows one that comes twice. Raises TryLater.
    """
    name = f"{clock.now():%Y%m%dT%H%M%S.%fZ}-{time.time_ns():016x}-{secrets.token_hex(2)}.json"
    folder = settings.home / FOLDER
    content = json.dumps({"to": message.to, "text": message.text, "mark": mark}, ensure_ascii=False)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write(folder / name, content.encode(), mode=0o600)
    except OSError as error:
        raise TryLater(f"The folder of text messages cannot be written: {error.strerror}.") from None
