"""Naming a browser in a few words, for people who look where they are signed in. Nothing more of it is kept."""

from typing import Final

from service.identity.access import AnyRequest

# Each calls itself by the names of those below it as well.
_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
)


def describe_agent(user_agent: str) -> str:
    """The browser and the system of a User-Agent header, such as `Firefox, Windows`; empty where neither is known."""
    named = (next((name for sign, name in known if sign in user_agent), None) for known in (_BROWSERS, _SYSTEMS))
    return ", ".join(name for name in named if name)


def agent_of(request: AnyRequest) -> str:
    """The browser that asks, in a few words."""
    return describe_agent(request.headers.get("user-agent", ""))
