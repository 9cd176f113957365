"""Whatever the code writes into the trail can be read there as a sentence."""

import pytest

from service.audit.words import ACTIONS, SUBJECTS
from service.care.queries import BY_SUBJECT, LISTED, OF_NOBODY
from service.web.texts import LANGUAGES, translator
from tests.audit.recorded import actions_of, all_of, subject_kinds_of


def test_every_recorded_action_has_a_sentence_and_every_sentence_an_action() -> None:
    recorded = all_of(actions_of)
    assert recorded - ACTIONS.keys() == set(), "give each a sentence in service/audit/words.py"
    assert ACTIONS.keys() - recorded == set()
    assert len(set(ACTIONS.values())) == len(ACTIONS)


def test_every_recorded_subject_has_a_word() -> None:
    assert all_of(subject_kinds_of) - SUBJECTS.keys() == set()


def test_of_every_recorded_action_it_is_known_whether_it_concerned_a_family() -> None:
    """A new action that reads or changes something of families must come up where a family asks who did."""
    kinds = (BY_SUBJECT, LISTED, OF_NOBODY)

    def fits(action: str, beginnings: tuple[str, ...]) -> int:
        """How much of the action is named; the longest counts."""
        return max((len(one) for one in beginnings if f"{action}.".startswith(f"{one}.")), default=0)

    known = {action: sorted((fits(action, kind) for kind in kinds), reverse=True) for action in all_of(actions_of)}
    unknown = [action for action, (best, second, _) in known.items() if best == second]
    assert unknown == [], "say in service/care/queries.py how each is found for a family, or that it concerns none"


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
def test_every_sentence_and_word_is_translated(language: str) -> None:
    texts = translator(language)
    assert [said for said in ACTIONS.values() if texts.gettext(said) == said] == []


def test_actions_are_found_however_they_are_written() -> None:
    code = """
def tell(session, action):
    record(session, tenant, actor, action, subject)
def act(session, held):
    name = "a.held" if held else "a.done"
    record(session, tenant, actor, name, subject)
    record(session, tenant, actor, subject=subject, action="a.keyword")
    tell(session, "a.told")
    tell(session, action="a.told.too")
"""
    assert actions_of("made up", code) == {"a.held", "a.done", "a.keyword", "a.told", "a.told.too"}
    assert actions_of("made up", "SQL = \"INSERT INTO audit_entry (action) VALUES ('claims.decide')\"") == {
        "claims.decide"
    }


@pytest.mark.parametrize(
    "code",
    [
        'def act(s, n):\n    record(s, t, a, f"a.{n}", x)',
        "def act(s, rows):\n    record(s, t, a, rows[0], x)",
        "SQL = 'INSERT INTO audit_entry SELECT * FROM elsewhere'",
    ],
)
def test_an_action_that_cannot_be_read_is_a_fault(code: str) -> None:
    with pytest.raises(AssertionError):
        actions_of("made up", code)
