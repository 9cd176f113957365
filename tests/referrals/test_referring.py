"""A service refers: the same answer whoever referred before, one case for a family, a flag where it may be one."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from service.errors import Conflict, Invalid, NotFound
from service.referrals import actions, cases, sharing
from service.referrals.cases import Decision
from service.referrals.family import look_up, read_travellers
from service.referrals.rules import Case, Group, Known, WishedStay, fits, is_one_family, judge
from service.referrals.sharing import SharedCase
from service.stays import lists as received
from service.stays.families import Traveller
from service.stays.rules import Criterion
from tests.referrals.office import CHILD, FAMILY, FATHER, INFANT, MOTHER, Office

DAY = date(2026, 6, 20)
TODAY = date(2026, 3, 1)


def seen(office: Office, who: str, referral: UUID) -> dict[str, Any]:
    """What a service sees of its referral, but for what tells it from others."""
    row = office.own(who, referral)
    names = set(row.__struct_fields__) - {"id", "case_id", "service_id", "made_at", "made_by", "sent_at"}
    return {name: getattr(row, name) for name in names}


def shared(office: Office, who: str = "worker") -> list[SharedCase]:
    with office.camp.session(office.municipality(who).id) as session:
        return sharing.shared_cases(session)


def test_two_services_referrals_of_one_family_are_one_case_and_each_sees_its_own_part(office: Office) -> None:
    alone = office.refer("welfare", Traveller("Olga Berg", date(1990, 4, 1)), Traveller("Ivan Berg", date(2015, 8, 9)))
    first = office.refer("nurse", phone="90000001")
    second = office.refer("welfare", *reversed(FAMILY), why="We know the family well.")
    assert office.case_of(first) == office.case_of(second) != office.case_of(alone)
    [case] = [one for one in office.cases() if one.id == office.case_of(first)]
    assert sorted(case.services) == sorted([office.camp.health, office.camp.welfare])
    assert (case.leading.id, case.unseen, shared(office)) == (first, 2, [])
    for who, theirs in (("nurse", second), ("welfare", first)):
        with pytest.raises(NotFound):
            office.own(who, theirs)
    with office.camp.session(office.camp.municipality.id) as session, pytest.raises(NotFound):
        actions.withdraw(session, office.desk("welfare"), first)


def test_the_answer_is_the_same_whether_or_not_somebody_else_referred_the_family(office: Office) -> None:
    first = office.refer("nurse")
    office.approve(first, need=4)
    office.hand_over()
    again = office.refer("welfare")
    other = office.refer("welfare", *(Traveller(f"{one.name} Ny", one.birth_date) for one in FAMILY))
    same, new = seen(office, "welfare", again), seen(office, "welfare", other)
    assert {name for name in same if same[name] != new[name]} == {"travellers"}
    assert same["state"] == "sent"
    # Only once a case worker has looked at it is the service told the outcome.
    with office.camp.session(office.camp.municipality.id) as session:
        cases.look_at(session, office.camp.municipality, office.case_of(again), office.camp.actor("worker"))
    assert office.own("welfare", again).state == "approved"


def test_a_service_does_not_refer_a_family_twice(office: Office) -> None:
    office.refer("nurse")
    with pytest.raises(Conflict, match="Your service has referred this family"):
        office.refer("nurse")
    assert len(office.cases()) == 1


@pytest.mark.parametrize("spelled", ["Yusuf Ali", "YUSÚF OMAR"])
def test_the_same_child_from_two_parents_is_flagged_and_never_merged_by_itself(office: Office, spelled: str) -> None:
    mothers = office.refer("nurse")
    fathers = office.refer("welfare", FATHER, Traveller(spelled, CHILD.birth_date))
    assert office.case_of(mothers) != office.case_of(fathers)
    [pair] = shared(office)
    assert {pair.first_id, pair.second_id} == {office.case_of(mothers), office.case_of(fathers)}
    assert {pair.first_contact, pair.second_contact} == {"Amina Yusuf Ali", "Hassan Omar"}
    with pytest.raises(Conflict, match="Say first whether"):
        office.approve(mothers)
    with office.camp.session(office.camp.municipality.id) as session:
        by = office.camp.actor("worker")
        sharing.keep_apart(session, office.camp.municipality, pair.first_id, pair.second_id, by)
        with pytest.raises(NotFound):
            sharing.keep_apart(session, office.camp.municipality, pair.first_id, pair.second_id, by)
    office.approve(mothers, fathers)
    assert shared(office) == []


def test_a_person_may_join_two_cases(office: Office) -> None:
    first, second = office.refer("nurse"), office.refer("welfare", FATHER, CHILD)
    with office.camp.session(office.camp.municipality.id) as session:
        ids = office.case_of(first), office.case_of(second)
        made = sharing.join_cases(session, office.camp.municipality, *ids, office.camp.actor("worker"))
    assert office.case_of(first) == office.case_of(second) == made
    [case] = office.cases()
    assert (case.state, len(case.services), shared(office)) == ("open", 2, [])
    with office.camp.session(office.camp.municipality.id) as session:
        cases.lead(session, office.camp.municipality, second, office.camp.actor("worker"))
    office.approve(first)
    assert [one.contact_name for one in office.plan().families] == ["Hassan Omar"]


def test_one_of_two_is_rejected_and_the_other_can_be_approved(office: Office) -> None:
    mothers, fathers = office.refer("nurse"), office.refer("welfare", FATHER, CHILD)
    office.decide(Decision(office.case_of(fathers), "reject", said="The child travels with somebody else."))
    office.approve(mothers)
    assert office.own("welfare", fathers).said == "The child travels with somebody else."
    assert office.own("nurse", mothers).said == ""


def test_the_same_child_from_two_municipalities_is_flagged_at_the_organisation(office: Office) -> None:
    camp = office.camp
    first = office.refer("nurse")
    second = office.refer("neighbour nurse", FATHER, Traveller("Yusuf Omar", CHILD.birth_date))
    office.approve(first)
    office.approve(second, who="neighbour worker")
    office.hand_over()
    office.hand_over("neighbour worker")
    # Neither municipality learns of the other's.
    assert shared(office) == shared(office, "neighbour worker") == []
    with camp.session(camp.organisation) as session:
        [found] = received.doubles(session)
        assert {found.first_municipality, found.second_municipality} == {"Bergvik", "Nabovik"}
        assert {found.first_child, found.second_child} == {"Yusuf Ali", "Yusuf Omar"}
        by = camp.actor("coordinator")
        pair = (found.first_municipality_id, found.first_key), (found.second_municipality_id, found.second_key)
        received.decide_double(session, camp.organisation, camp.season, *pair, "same", by)
        [found] = received.doubles(session)
        assert found.verdict == "same"
        assert len(received.list_versions(session)) == 2
        with pytest.raises(NotFound):
            received.decide_double(session, camp.organisation, camp.season, pair[1], pair[0], "same", by)


def test_a_question_goes_to_one_service_and_comes_back_with_its_answer(office: Office) -> None:
    camp = office.camp
    first, second = office.refer("nurse"), office.refer("welfare")
    with camp.session(camp.municipality.id) as session:
        cases.send_back(
            session, camp.municipality, camp.keys, second, "Who is the child's guardian?", camp.actor("worker")
        )
    assert (office.own("nurse", first).state, office.own("welfare", second).state) == ("sent", "sent_back")
    assert office.own("nurse", first).question == ""
    [mail] = camp.e_mails()
    assert mail.to == "welfare@by.example"
    assert "guardian" not in mail.text
    with camp.session(camp.municipality.id) as session:
        actions.answer(session, office.desk("welfare"), second, "Her mother.")
        with pytest.raises(Conflict):
            actions.answer(session, office.desk("welfare"), second, "Her mother.")
    [case] = office.cases()
    assert case.state == "open"
    assert office.own("welfare", second).answer == "Her mother."


def test_several_are_decided_at_once_all_or_none(office: Office) -> None:
    good = office.refer("nurse")
    old = office.refer("welfare", Traveller("Olga Berg", date(1990, 4, 1)), Traveller("Ivan Berg", date(2005, 8, 9)))
    with pytest.raises(Conflict, match="Olga Berg does not fit"):
        office.approve(good, old)
    assert {one.state for one in office.cases()} == {"open"}
    with pytest.raises(Invalid, match="1 to 5"):
        office.approve(good, need=6)
    with pytest.raises(Invalid, match="why the family is rejected"):
        office.decide(Decision(office.case_of(old), "reject"))
    office.decide(
        Decision(office.case_of(good), "approve", 5), Decision(office.case_of(old), "reject", said="No child of age.")
    )
    assert {one.state for one in office.cases()} == {"approved", "rejected"}
    office.decide(Decision(office.case_of(old), "reopen"))
    assert office.own("welfare", old).state == "sent"


def test_the_need_bands_spread_over_the_services(office: Office) -> None:
    first, second = office.refer("nurse"), office.refer("welfare")
    third = office.refer("welfare", Traveller("Olga Berg", date(1990, 4, 1)), Traveller("Ivan Berg", date(2015, 8, 9)))
    office.approve(first, need=5)
    with office.camp.session(office.camp.municipality.id) as session:
        found = {one.name: one for one in cases.spread_over_services(session, office.camp.season)}
    assert office.case_of(second) == office.case_of(first) != office.case_of(third)
    assert found["Barnevernet"].bands[5] == found["Helsestasjonen"].bands[5] == 1
    assert (found["Barnevernet"].unranked, found["Helsestasjonen"].unranked) == (1, 0)


def test_a_draft_is_kept_as_it_is_and_sent_only_when_it_is_whole(office: Office) -> None:
    desk = office.desk("nurse")
    with office.camp.session(office.camp.municipality.id) as session:
        made = actions.start_draft(session, desk, office.camp.season)
        actions.keep_draft(session, desk, made, actions.Content(phone="1"))
        with pytest.raises(Invalid) as refused:
            actions.send(session, desk, made, actions.Content(phone="1"))
        assert {error.field for error in refused.value.errors} == {"travellers", "why", "consent_on", "consent_how"}
        with pytest.raises(Invalid) as refused:
            actions.send(session, desk, made, office.content(consent_on=date(2026, 3, 2), holds=("c9",)))
        assert {error.field for error in refused.value.errors} == {"consent_on", "holds"}
    assert office.own("nurse", made).state == "draft"
    assert office.cases() == []
    with office.camp.session(office.camp.municipality.id) as session:
        actions.drop_draft(session, desk, made)
    with pytest.raises(NotFound):
        office.own("nurse", made)


def test_an_unknown_number_finds_nobody_and_is_not_repeated(office: Office) -> None:
    camp = office.camp
    for number, kind in (("21818297804", NotFound), ("21818297805", Invalid)):
        with camp.session(camp.municipality.id) as session, pytest.raises(kind) as refused:
            look_up(session, camp.municipality, camp.keys, number, camp.actor("nurse"))
        assert number not in str(refused.value)


def test_who_travels_is_read_as_people_type_it() -> None:
    typed = "Amina Ali, 02.03.1985\n\nYusuf Ali 21/6/2016\n  Sara  Ali; 2025-01-04\nOle-Jan O'Neil (1.2.2015)"
    found, wrong = read_travellers(typed, TODAY)
    assert wrong == []
    assert [(one.name, one.birth_date.isoformat()) for one in found] == [
        ("Amina Ali", "1985-03-02"),
        ("Yusuf Ali", "2016-06-21"),
        ("Sara Ali", "2025-01-04"),
        ("Ole-Jan O'Neil", "2015-02-01"),
    ]
    found, wrong = read_travellers("Amina Ali\n31.02.2015\nYusuf, 31.02.2015\nSara, 04.01.2027", TODAY)
    assert found == ()
    assert [error.message[:7] for error in wrong] == ["line 1:", "line 2:", "line 3:", "line 4:"]


def _known(*people: Traveller) -> tuple[Known, ...]:
    return tuple(Known(one.name.lower(), one.birth_date) for one in people)


def test_one_family_shares_a_child_and_an_adult_whom_no_register_parts() -> None:
    own = Group(_known(*FAMILY))
    assert is_one_family(own, Group(_known(CHILD, MOTHER)), DAY)
    assert not is_one_family(own, Group(_known(CHILD, FATHER)), DAY)
    assert not is_one_family(own, Group(_known(MOTHER)), DAY)
    assert not is_one_family(own, Group(_known(CHILD, INFANT)), DAY)
    home, other = UUID(int=1), UUID(int=2)
    assert not is_one_family(Group(own.people, home), Group(own.people, other), DAY)
    assert is_one_family(Group(own.people, home), Group(own.people), DAY)
    twins = Known("yusuf ali", CHILD.birth_date, home), Known("yusuf ali", CHILD.birth_date, other)
    mother = _known(MOTHER)
    assert not is_one_family(Group((twins[0], *mother)), Group((twins[1], *mother)), DAY)


STAYS = [
    WishedStay(UUID(int=1), "A1", date(2026, 6, 27), 6, 13, cancelled=False),
    WishedStay(UUID(int=2), "A2", date(2026, 7, 4), 8, 10, cancelled=False),
]
CRITERIA = [Criterion("c1", "One parent speaks Norwegian")]


@pytest.mark.parametrize(
    ("born", "wishes", "holds", "failing"),
    [
        ("2020-06-27", (), ("c1",), []),
        ("2020-06-28", (), ("c1",), ["child_of_age"]),
        ("2012-06-28", (), ("c1",), []),
        ("2012-06-27", (), ("c1",), ["child_of_age"]),
        ("2020-06-27", (2,), ("c1",), ["child_of_age"]),
        ("2018-07-04", (2,), ("c1",), []),
        ("2018-07-04", (2,), (), ["c1"]),
    ],
)
def test_eligibility_is_judged_on_the_first_day_of_what_is_wished(
    born: str, wishes: tuple[int, ...], holds: tuple[str, ...], failing: list[str]
) -> None:
    child = Traveller("Barn", date.fromisoformat(born))
    case = Case((MOTHER, child), tuple(UUID(int=one) for one in wishes), holds, None)
    found = judge(case, DAY, STAYS, CRITERIA)
    assert [one.code for one in found if not one.holds] == failing
    assert fits(found) is (not failing)
    assert all(str(one.because) for one in found)


@pytest.mark.parametrize(("year", "said"), [(None, "never"), (2023, "after all others"), (2022, "long ago")])
def test_earlier_participation_is_told_and_refuses_nobody(year: int | None, said: str) -> None:
    found = judge(Case((MOTHER, CHILD), (), ("c1",), year), DAY, STAYS, CRITERIA)
    assert fits(found)
    assert said in str(found[-1].because)
