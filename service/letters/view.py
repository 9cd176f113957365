"""What the templates see: a letter's data with every sentence filled in, ready to be laid out.

All that depends on language, and all that must never be taken for markup, is settled here; the templates
place it.
"""

import math
from collections.abc import Sequence
from typing import Any

from service.letters import glyphs
from service.letters.content import EndedPass, InvitedChild, Letter, PassSheet, Sender
from service.letters.glyphs import printable
from service.letters.qr import qr_path
from service.letters.texts import Filled, Texts, Wording, fill

View = dict[str, Any]
Child = PassSheet | EndedPass | InvitedChild

_MM_PER_POINT = 25.4 / 72
_LINE = 1.22
_CODE_SIZE = 12.0
_CODE_GAP = 3.0


def batch_view(letters: Sequence[Letter], texts: Texts) -> View:
    """The whole batch; its title and date are those of the first letter, so that the bytes repeat."""
    first = letters[0]
    own = texts.wording(first.sender.language)
    return {
        "title": own.plain("common", "document_title"),
        "lang": own.language,
        "date": [first.date.year, first.date.month, first.date.day],
        "letters": [letter_view(letter, texts) for letter in letters],
    }


def letter_view(letter: Letter, texts: Texts) -> View:
    own = texts.wording(letter.sender.language)
    words = texts.wordings.get(letter.language or "", own)
    section = "home" if letter.kind == "pass" else letter.kind
    children = letter.children
    return {
        "kind": letter.kind,
        "lang": words.language,
        "dir": words.direction,
        "window": {
            "top": letter.window.top,
            "left": letter.window.left,
            "width": letter.window.width,
            "height": letter.window.height,
            "tolerance": letter.window.tolerance,
        },
        "address": _address(letter, own),
        "sender": _sender(letter, words),
        "number": words.fill("common", "letter_number", number=printable(letter.number)),
        "text": _texts(letter, words, own, section),
        "children": [_child(child, told_apart(child, children), words, section) for child in children],
        "other_languages": _other_languages(letter, words, texts),
        "sheets": [_pass_sheet(sheet, told_apart(sheet, children), letter.sender, own) for sheet in letter.passes],
    }


def told_apart(child: Child, children: Sequence[Child]) -> str | None:
    """How much of the birth date tells `child` from namesakes in the envelope: None, `day` or `year`."""
    name = child.child_name.casefold()
    same = [c.birth_date for c in children if c is not child and c.child_name.casefold() == name]
    if not same:
        return None
    day = (child.birth_date.month, child.birth_date.day)
    return "year" if any((other.month, other.day) == day for other in same) else "day"


def _address(letter: Letter, own: Wording) -> View:
    """What is seen through the window, and the size of type, in points, at which it stays inside."""
    number = printable(letter.number)
    side, path = qr_path(letter.number)
    window = letter.window
    width = window.width - 2 * window.tolerance - _CODE_SIZE - _CODE_GAP
    lines = [line for line in map(printable, letter.recipient) if line]
    sender = letter.sender
    sent_from = ", ".join(map(printable, (sender.municipality, sender.street, sender.postcode_city)))
    return {
        "lang": own.language,
        "lines": lines,
        "return": sent_from,
        "number": own.fill("common", "letter_number", number=number),
        "code": {"side": side, "path": path, "alt": own.plain("common", "letter_code_alt", number=number)},
        "code_size": _CODE_SIZE,
        "width": width,
        "size": _address_size(lines, sent_from, width, window.height - 2 * window.tolerance),
    }


def _address_size(lines: Sequence[str], sent_from: str, width: float, height: float) -> float:
    """The largest of 10, 9.5 … 4 points at which the lines fit; under 8 points a line may be wrapped."""
    size = 10.0
    while size > 4:
        em = size * _MM_PER_POINT
        rows = [math.ceil(glyphs.width(line) * em / width * (1 if size > 8 else 1.15)) for line in lines]
        small = math.ceil(glyphs.width(sent_from) * 0.65 * em / width)
        fits = sum(rows) * _LINE * em + small * 0.65 * _LINE * em + 1.9 * em <= height
        if fits and (size <= 8 or max(rows) == 1):
            break
        size -= 0.5
    return size


def _sender(letter: Letter, words: Wording) -> View:
    sender = letter.sender
    return {
        "municipality": printable(sender.municipality),
        "lines": [printable(s) for s in (sender.department, sender.street, sender.postcode_city) if s],
        "phone": words.fill("common", "phone", phone=printable(sender.phone)),
        "email": printable(sender.email),
        "web": printable(sender.web),
        "date": words.day(letter.date),
    }


def _texts(letter: Letter, words: Wording, own: Wording, section: str) -> View:
    sender = letter.sender
    one = len(letter.children) == 1
    values: dict[str, Filled] = {
        "name": printable(letter.children[0].child_name),
        "municipality": printable(sender.municipality),
        "page_url": printable(letter.page_url),
        "apply_url": printable(letter.apply_url),
        "phone": printable(sender.phone),
        "email": printable(sender.email),
        "opening_hours": printable(sender.opening_hours),
        "rule": printable(letter.rule),
    }
    count = "one" if one else "many"
    text: View = {
        "heading": words.fill(section, f"heading_{count}", **values),
        "grounds": _grounds(letter, words),
        "rule": words.fill("home", "rule", **values) if letter.rule else "",
        "opening_hours": words.fill("home", "opening_hours", **values) if sender.opening_hours else "",
        "protected": words.fill("home", "protected") if letter.protected and letter.passes else "",
        "complaint_title": words.fill("home", "complaint_title") if sender.complaint else "",
        "complaint": _complaint(sender, own),
        "private_code": printable(letter.private_code),
    }
    for key in ("page_title", "ask_title", "ask", "data_title", "column_child"):
        text[key] = words.fill("home", key, **values)
    for key in ("rights_title", "rights", "page", "code_warning"):
        text[key] = words.fill(section, key, **values)
    if section == "home":
        text["intro"] = words.fill("home", f"intro_{count}", **values)
        text["steps"] = words.steps("home")
        for key in ("column_number", "column_amount", "column_valid", "steps_title", "private_use_title"):
            text[key] = words.fill("home", key)
        for key in ("private_use", "keep"):
            text[key] = words.fill("home", key, **values)
    else:
        for key in ("intro", "reason_title", "apply_title", "apply"):
            text[key] = words.fill(section, key, **values)
        text["column_until"] = words.fill("ended", "column_until")
    return text


def _complaint(sender: Sender, own: Wording) -> View | str:
    if not sender.complaint:
        return ""
    return {"words": printable(sender.complaint), "lang": own.language, "dir": own.direction}


def _grounds(letter: Letter, words: Wording) -> list[Filled]:
    year = str(letter.income_year) if letter.income_year else "–"
    return [words.fill("grounds", ground, income_year=year) for ground in letter.grounds]


def _child(child: Child, apart: str | None, words: Wording, section: str) -> View:
    view: View = {
        "name": printable(child.child_name),
        "born": words.birth(child.birth_date, apart == "year") if apart else "",
    }
    if not isinstance(child, InvitedChild):
        view["valid_to"] = words.day(child.valid_to)
    if isinstance(child, PassSheet):
        view["number"] = printable(child.number)
        view["amount"] = words.money(child.amount_ore)
        view["equipment"] = _equipment(child, words)
        view["period"] = _period(child, words, section)
    return view


def _equipment(sheet: PassSheet, words: Wording) -> Filled:
    if not sheet.equipment_ore:
        return ""
    return words.fill("home", "equipment", equipment=words.money(sheet.equipment_ore))


def _period(sheet: PassSheet, words: Wording, section: str) -> Filled:
    dates = {"valid_from": words.day(sheet.valid_from), "valid_to": words.day(sheet.valid_to)}
    return words.fill(section, "period", **dates)


def _pass_sheet(sheet: PassSheet, apart: str | None, sender: Sender, words: Wording) -> View:
    """A pass in the municipality's language: a club reads it, and another language would tell of the family."""
    number = printable(sheet.number)
    side, path = qr_path(sheet.bare_number)
    labels = ("title", "number_label", "amount_label", "valid_label", "steps_title", "number_is_enough")
    return {
        "lang": words.language,
        "dir": words.direction,
        "municipality": printable(sender.municipality),
        "name": printable(sheet.child_name),
        "born": words.birth(sheet.birth_date, apart == "year") if apart else "",
        "number": number,
        "code": {"side": side, "path": path, "alt": words.plain("pass", "qr_alt", number=number)},
        "amount": words.money(sheet.amount_ore),
        "equipment_label": words.fill("pass", "equipment_label"),
        "equipment": words.money(sheet.equipment_ore) if sheet.equipment_ore else "",
        "period": _period(sheet, words, "pass"),
        "steps": words.steps("pass"),
        "club_page": _optional(words, "club_page", sender.club_page),
        "contact": _optional(words, "contact", sheet.club_contact),
        **{label: words.fill("pass", label) for label in labels},
    }


def _optional(words: Wording, key: str, value: str) -> Filled:
    return words.fill("pass", key, **{key: printable(value)}) if value else ""


def _other_languages(letter: Letter, words: Wording, texts: Texts) -> list[View]:
    """The lines in other languages: all where the family's is unknown, its own where there is no wording for it."""
    if letter.language == words.language:
        wanted = []
    elif letter.language in texts.other_lines:
        wanted = [letter.language]
    else:
        wanted = [code for code in texts.other_order if code != words.language]
    values: dict[str, Filled] = {
        "page_url": printable(letter.page_url),
        "phone": printable(letter.sender.phone),
    }
    return [_other_line(code, texts, values) for code in wanted]


def _other_line(code: str, texts: Texts, values: dict[str, Filled]) -> View:
    words = texts.wordings.get(code)
    direction = words.direction if words else "ltr"
    return {"lang": code, "dir": direction, "line": fill(texts.other_lines[code], values, direction == "rtl")}
