"""What a case worker decides about children whom the rule leaves to a person, and what comes of it."""

import threading
import time
from collections.abc import Callable
from datetime import date
from uuid import UUID, uuid4

import pytest

from service.audit.actions import Actor
from service.console import keys
from service.eligibility import review as decisions
from service.eligibility import review_queue as queue
from service.eligibility.review import Grounds, Round, find_round, leave, take_back, withdraw_yes
from service.eligibility.review_queue import Filter, Undecided
from service.errors import Conflict, Invalid, NotFound
from service.identity.actions import find_municipality
from service.passes.on_the_spot import issue_on_the_spot, spot_round
from service.passes.review import Decided, Invited, approve_yes, invite, promise, say_yes
from tests.calls import callers_of, every_item, wrong
from tests.passes.town import HIGH, IN_2016, IN_2017, Town

ANNA, BENT = Actor("page", uuid4()), Actor("page", uuid4())
BENEFIT = Grounds("Lives on the municipality's introduction benefit", "introduction_benefit", "case 17/4711")


class Desk:
    """A case worker's desk in a town."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.keys = keys(town.database)

    def round(self) -> Round:
        with self.town.session() as session:
            found = find_round(session, self.town.municipality, None, None)
        assert found is not None
        return found

    def queue(self, **wanted: object) -> list[Undecided]:
        with self.town.session() as session:
            asked = Filter(**wanted)  # type: ignore[arg-type]
            return queue.read_queue(session, self.town.municipality, self.round(), asked, 200, None, ANNA)

    def names(self, **wanted: object) -> list[str]:
        return sorted(one.given_name for one in self.queue(**wanted))

    def ids(self, *names: str) -> list[UUID]:
        """The children with these names, or everybody who waits."""
        if not names:
            return [one.person_key for one in self.queue()]
        return [self.town.rows("SELECT id FROM person WHERE given_name = :name", name=name)[0][0] for name in names]

    def yes(self, *names: str, actor: Actor = ANNA, persons: list[UUID] | None = None) -> Decided:
        chosen = persons if persons is not None else self.ids(*names)
        with self.town.session() as session:
            return say_yes(session, self.town.municipality, self.keys, self.round(), chosen, BENEFIT, actor)

    def approve(self, act: UUID, actor: Actor = BENT) -> Decided:
        with self.town.session() as session:
            return approve_yes(session, self.town.municipality, self.keys, act, actor)

    def invite(self, *names: str) -> Invited:
        with self.town.session() as session:
            return invite(session, self.town.municipality, self.round(), self.ids(*names), "no income", ANNA)

    def leave(self, *names: str, until: date | None = None) -> None:
        with self.town.session() as session:
            leave(session, self.town.municipality, self.round(), self.ids(*names), "waits for a paper", until, ANNA)

    def take_back(self, *names: str) -> int:
        with self.town.session() as session:
            return take_back(session, self.town.municipality, self.round(), self.ids(*names), ANNA)

    def reason(self, name: str) -> tuple[str, str]:
        """Outcome and reason of the child's determination in force."""
        [found] = self.town.rows(
            """SELECT d.outcome, d.reason FROM determination d JOIN person p ON p.id = d.person_id
            WHERE p.given_name = :name AND d.ended_at IS NULL AND d.period_start = :start""",
            name=name,
            start=self.round().period_start,
        )
        return found[0], found[1]


@pytest.fixture
def desk(town: Town) -> Desk:
    """Three undecided children of two families, one entitled and one not."""
    town.family("H1", "Ada", "Bo", income=None)
    town.family("H2", "Carl", income=None, district="nord")
    town.family("H3", "Dora")
    town.family("H4", "Eva", income=HIGH)
    town.load()
    town.commit()
    return Desk(town)


def test_a_yes_determines_and_issues_at_once_and_stays_at_every_refresh(desk: Desk, town: Town) -> None:
    assert desk.names() == ["Ada", "Bo", "Carl"]
    decided = desk.yes("Ada", "Bo")
    assert (decided.state, decided.children, decided.passes_issued, decided.letters_queued) == ("done", 2, 2, 1)
    assert desk.reason("Ada") == ("entitled", "decision")
    assert desk.names() == ["Carl"]
    # Nobody else was determined anew.
    assert town.rows("SELECT count(*) FROM determination WHERE ended_at IS NOT NULL") == [(2,)]
    for on in (IN_2017, "2017-03-01", "2017-12-31"):
        again = town.commit(on)
        assert (again["lost"], again["new"], again["passes_issued"]) == (0, 0, 0)
        assert desk.reason("Bo") == ("entitled", "decision")
    assert town.sound()
    new_year = town.commit("2018-01-15") if _with_2018(town) else {}
    assert new_year["entitled"] == 1, "a new period asks anew"


def _with_2018(town: Town) -> bool:
    asked = ("--municipality", "0751", "--scheme", "fritidspas", "--valid-from", "2018-01-01")
    town.run("scheme", "set", *asked, "--source", "byrådet")
    mothers = {row["household_id"]: row["person_id"] for row in town.people if row["relation"] == "provider"}
    rows = [f"{mothers[h]},2018,{kroner}" for h, kroner in town.incomes.items()]
    (town.folder / "income18.csv").write_text("\n".join(["person_id,year,amount", *rows]) + "\n")
    town.run("register", "import", "--municipality", "0751", f"--income={town.folder / 'income18.csv'}")
    return True


def test_what_was_decided_is_kept_with_its_grounds(desk: Desk, town: Town) -> None:
    desk.yes("Ada")
    [act] = town.rows("SELECT kind, state, children, reason, evidence, reference, made_by FROM review_act")
    assert act == ("yes", "done", 1, BENEFIT.reason, "introduction_benefit", "case 17/4711", ANNA.account_id)
    [(before, after)] = town.rows(
        """SELECT old.reason, new.reason FROM review_decision d JOIN determination old ON old.id = d.determination_id
        JOIN determination new ON new.person_id = d.person_id AND new.ended_at IS NULL"""
    )
    assert (before, after) == ("income_missing", "decision")
    trail = town.rows("SELECT reason, details->>'persons' FROM audit_entry WHERE action = 'review.yes'")
    assert trail == [(BENEFIT.reason, "1")]


def test_the_letter_says_that_a_person_decided(desk: Desk, town: Town) -> None:
    desk.yes("Carl")
    town.batch()
    grounds = {letter.recipient[0]: letter.grounds for letter in town.letters().values()}
    assert grounds == {"H2s mor Prøvesen": ("review",), "H3s mor Prøvesen": ("income_within_limit",)}


def test_an_import_of_awards_never_ends_or_changes_what_was_decided_here(desk: Desk, town: Town) -> None:
    desk.yes("Ada")
    town.award("Dora")
    town.load()
    town.awards.clear()
    town.award("Eva")
    town.load()
    assert town.rows("SELECT ground, percent FROM award ORDER BY ground") == [("free_place", 100), ("review", 100)]
    assert town.rows("SELECT DISTINCT ground FROM award_past") == [("free_place",)]
    assert (town.commit()["new"], desk.reason("Ada")) == (1, ("entitled", "decision"))
    number = town.of("Bo")["person_id"]
    (town.folder / "own.csv").write_text(
        f"person_id,ground,percent,valid_from,valid_to\n{number},review,100,2017-01-01,2017-12-31\n"
    )
    answer = town.run("register", "import", "--municipality", "0751", f"--decisions={town.folder / 'own.csv'}")
    assert (answer["rejected"], answer["decisions"]) == (1, 0)
    assert "kept for what case workers decide" in town.rows("SELECT reason FROM rejected_row")[0][0]
    assert town.sound()


def test_many_at_once_wait_for_a_second_person(town: Town) -> None:
    for household in range(70):
        town.family(f"H{household}", f"Ada{household}", f"Bo{household}", income=None)
    town.family("RICH", "Eva")
    town.load()
    town.commit()
    desk = Desk(town)
    held = desk.yes()
    assert (held.state, held.children, held.passes_issued) == ("held", 140, 0)
    assert (desk.names(), len(desk.names(standing="held"))) == ([], 140)
    assert town.rows("SELECT count(*) FROM award") == [(0,)]
    with pytest.raises(Conflict, match="second person"):
        desk.approve(held.act, ANNA)
    with pytest.raises(Conflict, match="wait for a second person"):
        desk.yes("Ada1")
    with town.session() as session:
        assert [one.children for one in queue.held_decisions(session)] == [140]
    began = time.perf_counter()
    done = desk.approve(held.act)
    assert time.perf_counter() - began < 2
    assert (done.state, done.passes_issued, done.letters_queued) == ("done", 140, 70)
    with pytest.raises(Conflict, match="done already"):
        desk.approve(held.act)
    decided = town.rows("SELECT count(*), count(DISTINCT run_id) FROM determination WHERE reason = 'decision'")
    assert decided == [(140, 1)]
    assert town.sound()


def test_what_was_determined_anew_since_is_not_approved_but_can_be_withdrawn(town: Town) -> None:
    for household in range(21):
        town.family(f"H{household}", f"Ada{household}", income=None)
    town.family("RICH", "Eva")
    town.load()
    town.commit()
    desk = Desk(town)
    held = desk.yes()
    town.incomes["H1"] = HIGH
    town.load()
    town.commit()
    with pytest.raises(Conflict, match="1 of the children were determined anew"):
        desk.approve(held.act)
    with town.session() as session:
        withdraw_yes(session, town.municipality, held.act, ANNA)
    assert len(desk.names()) == 20
    assert desk.yes("Ada2").passes_issued == 1


def test_all_or_none(desk: Desk, town: Town) -> None:
    before = town.rows("SELECT count(*) FROM award, review_act")
    for names in (("Ada", "Dora"), ("Ada", "Eva")):
        with pytest.raises(Conflict, match="1 of the children are not undecided"):
            desk.yes(*names)
    with pytest.raises(Conflict):
        desk.yes(persons=[*desk.ids("Ada"), uuid4()])
    with pytest.raises(Invalid, match="Choose"):
        desk.yes(persons=[])
    assert town.rows("SELECT count(*) FROM award, review_act") == before
    assert desk.reason("Ada") == ("needs_review", "income_missing")


def test_who_left_the_register_or_its_ages_gets_no_yes(desk: Desk, town: Town) -> None:
    chosen = desk.ids("Ada", "Carl")
    town.people = [row for row in town.people if row["household_id"] != "H2"]
    town.load()
    with pytest.raises(Conflict, match="1 of the children are outside"):
        desk.yes(persons=chosen)
    town.parameters("min_age=12")
    with pytest.raises(Conflict, match="outside of the scheme's ages"):
        desk.yes("Ada")
    assert town.rows("SELECT count(*) FROM award") == [(0,)]


def test_two_at_the_same_moment_decide_once(desk: Desk, town: Town) -> None:
    chosen = desk.ids()
    came: list[str] = []
    begin = threading.Barrier(4)

    def decide(actor: Actor) -> None:
        begin.wait()
        try:
            came.append(desk.yes(persons=chosen, actor=actor).state)
        except Conflict as refused:
            came.append(refused.message)

    threads = [threading.Thread(target=decide, args=(actor,)) for actor in (ANNA, BENT, ANNA, BENT)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(came)[3:] == ["done"]
    assert set(sorted(came)[:3]) == {"3 of the children are not undecided any more. Load the queue again."}
    assert town.rows("SELECT count(*) FROM review_act") == [(1,)]
    assert town.rows("SELECT count(*), count(DISTINCT person_id) FROM leisure_pass") == [(4, 4)]
    assert town.sound()


def test_a_refresh_at_the_same_moment_waits_and_keeps_the_yes(desk: Desk, town: Town) -> None:
    began, done = threading.Event(), threading.Event()

    def refresh() -> None:
        began.set()
        town.commit()
        done.set()

    thread = threading.Thread(target=refresh)
    with town.session() as session:
        round_ = desk.round()
        say_yes(session, town.municipality, desk.keys, round_, desk.ids("Ada"), BENEFIT, ANNA)
        thread.start()
        began.wait()
        assert not done.wait(2), "the refresh waits for the decision"
    thread.join(60)
    assert done.is_set()
    assert desk.reason("Ada") == ("entitled", "decision")
    assert town.rows("SELECT count(*) FROM leisure_pass") == [(2,)]
    assert town.sound()


def test_a_held_refresh_is_overtaken_by_a_yes(town: Town) -> None:
    for household in range(60):
        town.family(f"H{household}", f"Ada{household}")
    town.family("DOUBT", "Bo", income=None)
    town.load()
    town.commit()
    for household in range(40):
        town.incomes[f"H{household}"] = HIGH
    town.load()
    held = town.commit()
    assert held["state"] == "held"
    Desk(town).yes("Bo")
    assert town.rows("SELECT state FROM refresh_run WHERE id = :id", id=UUID(held["run"])) == [("overtaken",)]
    assert town.commit()["lost"] == 40
    assert Desk(town).reason("Bo") == ("entitled", "decision")


def test_a_yes_before_the_refresh_of_a_period_hides_nothing_from_its_gate(
    town: Town, at: Callable[[str], None]
) -> None:
    at(f"{IN_2016}T08:00Z")
    for household in range(30):
        town.family(f"H{household}", f"Ada{household}")
    town.load()
    assert town.commit(IN_2016)["new"] == 30
    at(f"{IN_2017}T08:00Z")
    town.family("NEW", "Bo", income=None)
    town.load()
    with town.session() as session:
        desk, round_ = Desk(town), spot_round(session, town.municipality)
        [bo] = desk.ids("Bo")
        issue_on_the_spot(session, town.municipality, desk.keys, round_, bo, BENEFIT, ANNA)
    answer = town.commit(IN_2017)
    assert (answer["state"], answer["new"], answer["unchanged"], answer["passes_issued"]) == ("committed", 1, 30, 30)
    assert town.sound()


def test_an_invitation_once_a_household_and_period(desk: Desk, town: Town) -> None:
    invited = desk.invite("Ada")
    assert (invited.children, invited.letters_queued) == (1, 1)
    assert (desk.names(), desk.names(standing="invited")) == (["Bo", "Carl"], ["Ada"])
    assert desk.invite("Bo", "Carl").letters_queued == 1
    assert desk.invite("Ada").letters_queued == 0
    town.batch()
    letters = [letter for letter in town.letters().values() if letter.kind == "invitation"]
    assert [[child.child_name for child in letter.invited] for letter in letters] == [
        ["Ada Prøvesen", "Bo Prøvesen"],
        ["Carl Prøvesen"],
    ]
    assert {letter.grounds for letter in letters} == {("income_missing",)}
    assert town.sound()
    # Who is invited can get a yes all the same.
    assert desk.yes("Ada").passes_issued == 1
    assert desk.names(standing="invited") == ["Bo", "Carl"]


def test_who_was_decided_about_is_not_invited_any_more(desk: Desk, town: Town) -> None:
    desk.invite("Ada", "Bo", "Carl")
    desk.yes("Carl", "Bo")
    town.batch()
    invited = [letter for letter in town.letters().values() if letter.kind == "invitation"]
    assert [[child.child_name for child in letter.invited] for letter in invited] == [["Ada Prøvesen"]]
    states = dict(town.rows("SELECT state, count(*) FROM letter WHERE kind = 'invitation' GROUP BY 1"))
    assert states == {"batched": 1, "cancelled": 1}
    assert town.sound()


def test_without_a_provider_each_child_is_invited_apart(town: Town) -> None:
    town.alone("HOME", "Ada", "Bo")
    town.family("H2", "Carl")
    town.load()
    town.commit()
    assert Desk(town).invite("Ada", "Bo").letters_queued == 2
    town.batch()
    invited = [letter.recipient[0] for letter in town.letters().values() if letter.kind == "invitation"]
    assert sorted(invited) == ["Ada Prøvesen", "Bo Prøvesen"]


def test_a_returned_invitation_is_sent_again(desk: Desk, town: Town) -> None:
    desk.invite("Carl")
    town.batch()
    town.send()
    number = next(number for number, letter in town.letters().items() if letter.kind == "invitation")
    town.say("letters", "returned", number, "--because", "moved")
    town.say("letters", "again", number)
    town.batch()
    sent = [letter.number for letter in town.letters().values() if letter.kind == "invitation"]
    assert len(sent) == 2 and number in sent
    assert town.sound()


def test_left_aside_until_a_day_or_taken_back(desk: Desk, town: Town, at: Callable[[str], None]) -> None:
    desk.leave("Ada", until=date(2017, 2, 1))
    desk.leave("Bo")
    assert (desk.names(), desk.names(standing="left")) == (["Carl"], ["Ada", "Bo"])
    until = {one.given_name: one.until for one in desk.queue(standing="left")}
    assert until == {"Ada": date(2017, 2, 1), "Bo": date(2017, 12, 31)}
    for day in (date(2017, 1, 15), date(2018, 1, 1)):
        with pytest.raises(Invalid):
            desk.leave("Carl", until=day)
    assert desk.take_back("Bo", "Carl") == 1
    assert desk.names() == ["Bo", "Carl"]
    at("2017-02-02T08:00Z")
    assert desk.names() == ["Ada", "Bo", "Carl"]
    desk.leave("Ada")
    assert desk.yes("Ada").passes_issued == 1


def test_the_queue_filters_and_counts(desk: Desk, town: Town) -> None:
    assert desk.names(district="nord") == ["Carl"]
    assert desk.names(households=("H1",)) == ["Ada", "Bo"]
    assert desk.names(reason="no_provider") == []
    assert desk.names(youngest=7) == [] and desk.names(oldest=6) == ["Ada", "Bo", "Carl"]
    with town.session() as session:
        counted = queue.tally(session, town.municipality, desk.round())
        chosen = queue.chosen_by(session, town.municipality, desk.round(), Filter(district="nord"))
        file = queue.queue_as_csv(session, town.municipality, desk.round(), Filter(), ANNA)
    assert counted.standings == {"waiting": 3}
    assert (counted.reasons, counted.districts) == ({"income_missing": 3}, {"midt": 2, "nord": 1})
    assert chosen == desk.ids("Carl")
    listed = sorted(line.split(",")[:2] for line in file.splitlines()[1:])
    assert listed == [["H1", "Ada"], ["H1", "Bo"], ["H2", "Carl"]]
    actions = {row[0] for row in town.rows("SELECT DISTINCT action FROM audit_entry WHERE action LIKE 'review.%'")}
    assert actions == {"review.read", "review.export"}


def test_a_neighbour_neither_sees_nor_decides(desk: Desk, town: Town) -> None:
    town.run("municipality", "add", "0101", "Storby", "--country", "dk")
    chosen, round_ = desk.ids(), desk.round()
    with town.database.transaction() as session:
        other = find_municipality(session, "0101")
    with town.database.transaction(other.id) as session:
        assert decisions.rounds(session, other) == []
        with pytest.raises(NotFound):
            find_round(session, other, "fritidspas", None)
        assert queue.read_queue(session, other, round_, Filter(), 50, None, ANNA) == []
    with pytest.raises(Conflict), town.database.transaction(other.id) as session:
        say_yes(session, other, desk.keys, round_, chosen, BENEFIT, ANNA)
    assert desk.names() == ["Ada", "Bo", "Carl"]


def test_a_case_worker_over_the_api(desk: Desk, town: Town) -> None:
    with callers_of(town.database, town.municipality) as callers:
        anna, bent = callers.person("case_worker"), callers.person("case_worker", "bent@example.org")
        listed = every_item(anna, "/api/v1/review")
        assert sorted(one["given_name"] for one in listed) == ["Ada", "Bo", "Carl"]
        assert {one["reason"] for one in listed} == {"income_missing"}
        assert every_item(anna, "/api/v1/review", district="nord", oldest=6)[0]["given_name"] == "Carl"
        key = {one["given_name"]: one["person_key"] for one in listed}
        body = {"persons": [key["Ada"]], "reason": "seen", "evidence": "conversation"}
        once = {"Idempotency-Key": "one"}
        first = anna.post("/api/v1/review/decisions", json=body, headers=once)
        assert (first.status_code, first.json()["passes_issued"], first.json()["state"]) == (201, 1, "done")
        assert anna.post("/api/v1/review/decisions", json=body, headers=once).json() == first.json()
        assert bent.post("/api/v1/review/decisions", json=body).status_code == 409
        invited = anna.post("/api/v1/review/invitations", json={"persons": [key["Carl"]], "reason": "no income"})
        assert (invited.status_code, invited.json()["letters_queued"]) == (201, 1)
        left = anna.post("/api/v1/review/deferrals", json={"persons": [key["Bo"]], "reason": "a paper is awaited"})
        assert left.status_code == 201
        assert every_item(anna, "/api/v1/review", standing="left")[0]["until"] == "2017-12-31"
        back = anna.post("/api/v1/review/deferrals/withdrawal", json={"persons": [key["Bo"]]})
        assert (back.status_code, back.json()) == (200, {"children": 1})
        assert set(wrong(anna.post("/api/v1/review/decisions", json={"persons": [], "reason": " "}))) == {
            "persons",
            "reason",
            "evidence",
        }
        spot = anna.post(
            "/api/v1/passes/on-the-spot", json={"person_key": key["Bo"], "reason": "seen", "evidence": "other"}
        )
        assert spot.status_code == 201 and spot.json()["number"].replace("-", "") == town.number("Bo")
        letter = anna.post(f"/api/v1/passes/on-the-spot/{spot.json()['act']}/letter")
        assert (letter.status_code, letter.headers["content-type"]) == (200, "application/pdf")
        assert callers.person("administrator").get("/api/v1/review").status_code == 403
        assert callers.system("eligibility", "passes").get("/api/v1/review").status_code == 403


def test_two_persons_over_the_api(town: Town) -> None:
    for household in range(21):
        town.family(f"H{household}", f"Ada{household}", income=None)
    town.family("RICH", "Eva")
    town.load()
    town.commit()
    with callers_of(town.database, town.municipality) as callers:
        anna, bent = callers.person("case_worker"), callers.person("case_worker", "bent@example.org")
        body = {"persons": [str(one) for one in Desk(town).ids()], "reason": "seen", "evidence": "introduction_benefit"}
        for by, end, status in ((anna, "withdrawal", 204), (bent, "approval", 201)):
            held = anna.post("/api/v1/review/decisions", json=body).json()
            assert (held["state"], held["passes_issued"]) == ("held", 0)
            [listed] = anna.get("/api/v1/review/held").json()["items"]
            assert (listed["id"], listed["children"]) == (held["id"], 21)
            assert anna.post(f"/api/v1/review/held/{held['id']}/approval").status_code == 409
            done = by.post(f"/api/v1/review/held/{held['id']}/{end}")
            assert done.status_code == status
        assert done.json()["passes_issued"] == 21


def test_who_has_a_pass_of_the_period_gets_no_second_one(desk: Desk, town: Town) -> None:
    town.incomes["H3"] = 90_000_000_000
    town.load()
    town.commit()
    assert desk.names() == ["Ada", "Bo", "Carl", "Dora"]
    with town.session() as session:
        promised = promise(session, town.municipality, desk.round(), desk.ids("Carl", "Dora"))
    assert (promised.children, promised.passes, promised.total_ore, promised.held) == (2, 1, 100_000, False)
    assert desk.yes("Carl", "Dora").passes_issued == 1
    assert town.sound()
