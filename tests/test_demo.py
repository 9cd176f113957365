"""The demo as somebody starts it: on a new home with the embedded database, twice."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest

from service.identity.models import ROLES

_WAITS = r'waiting-count">([\d.]+)</span>\s*<span>(?:<a[^>]*>)?([^<]+)'


@pytest.fixture
def home() -> Iterator[Path]:
    """A home of its own. As root the embedded server runs as another user, who must get in."""
    with TemporaryDirectory(prefix="medspiller-demo-test-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "home"


def demo(home: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, Any], str]:
    for variable in ("MEDSPILLER_DATABASE_URL", "MEDSPILLER_DATABASE_OWNER_URL", "MEDSPILLER_NOW"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("MEDSPILLER_HOME", str(home))
    command = [sys.executable, "-c", "from service.cli import main; main()", "demo", "--households", "300", "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer, done.stderr


def test_the_demo_ends_with_the_letters_and_goes_on_when_run_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, said = demo(home, monkeypatch)
    letters = first["letters"]
    assert first["passes_issued"] == first["refresh"]["account"]["entitled"] > 20
    assert 0 < letters["letters"] <= first["passes_issued"]
    assert letters["pages"] >= letters["letters"] + first["passes_issued"]
    assert len(letters["files"]) == letters["batches"] >= 1
    for file in map(Path, letters["files"]):
        assert file.parent == home / "letters"
        assert file.read_bytes().startswith(b"%PDF")
        assert file.with_suffix(".csv").exists()
    assert "Traceback" not in said
    bytes_before = {file: Path(file).read_bytes() for file in letters["files"]}

    second, _ = demo(home, monkeypatch)
    assert (second["passes_issued"], second["letters"]) == (0, letters)
    account = second["refresh"]["account"]
    assert (account["new"], account["lost"], account["unchanged"]) == (0, 0, account["children"])
    accepted = ("persons", "incomes", "decisions")
    assert second["import"]["unchanged"] == sum(first["import"][kind] for kind in accepted)
    assert {file: Path(file).read_bytes() for file in letters["files"]} == bytes_before


def test_the_demo_lets_every_role_in(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("MEDSPILLER_DATABASE_URL", "MEDSPILLER_DATABASE_OWNER_URL", "MEDSPILLER_NOW"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("MEDSPILLER_HOME", str(home))
    arguments = ["demo", "--households", "300", "--port", "0", "--json"]
    command = [sys.executable, "-c", "from service.cli import main; main()", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
        try:
            assert running.stdout
            year, made, served = (json.loads(running.stdout.readline()) for _ in range(3))
            assert made["emails"] == str(home / "emails")
            links = {one["role"]: one for one in made["sign_in_links"]}
            assert set(links) == set(ROLES)
            for role, one in links.items():
                assert one["url"].startswith(f"{served['url']}/sign-in/link/")
                with httpx.Client(headers={"accept": "text/html"}, follow_redirects=True) as browser:
                    browser.get(one["url"])
                    page = browser.post(one["url"], data={"_csrf_token": browser.cookies["csrf"]})
                    if role == "administrator":
                        _job_at_work(browser, served["url"], made["job"]["run"])
                    assert (page.status_code, str(page.url)) == (200, f"{served['url']}/"), role
                    place = re.search(r'shell-place">([^<]+)<', page.text)
                    assert place
                    assert place[1] == one["place"]
                    review = [count for count, what in re.findall(_WAITS, page.text) if "skal gennemgås" in what]
                    known = [str(year["refresh"]["account"]["needs_review"])]
                    assert review == (known if role == "case_worker" else []), role
        finally:
            running.terminate()


def _job_at_work(browser: httpx.Client, url: str, run: str) -> None:
    """The worker beside the web service makes the report of the month, and the page of the run tells."""
    until = time.monotonic() + 60
    while "Rapporter lavet: 1." not in (page := browser.get(f"{url}/jobs/runs/{run}")).text:
        assert page.status_code == 200
        assert time.monotonic() < until, page.text
        time.sleep(0.2)
    assert "report-2022-01.xlsx" in browser.get(f"{url}/reports").text
