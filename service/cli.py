"""The command line: every slice's commands put together."""

from importlib import import_module

import click

from service.audit.commands import audit
from service.care.checks import CHECKS, unsealed
from service.care.commands import keys, retention_group, trial_restore_command
from service.claims.commands import claims
from service.clubs.commands import club
from service.database.commands import database_commands
from service.eligibility.commands import eligibility, municipality, scheme
from service.identity.commands import organisation, token, user
from service.letters.commands import letters_group
from service.passes.actions import send_again
from service.passes.commands import passes
from service.passes.compose import compose_letters
from service.referrals.commands import referral_list_group
from service.register.commands import register
from service.stays.commands import season_group

_LAZY = {
    "allocation": "service.allocation.commands",
    "demo": "service.demo",
    "serve": "service.app",
    "jobs": "jobs.__main__",
    "worker": "jobs.__main__",
    "report": "service.reporting.commands",
    "offers": "service.offers.commands",
    "payments": "service.payments.commands",
    "travel": "service.travel.commands",
    "holidays": "service.account.commands",
}


class _Commands(click.Group):
    """Imports the web service, the worker, charts and the solver only where they run: that takes longer than most."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *_LAZY])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _LAZY:
            command: click.Command = getattr(import_module(_LAZY[cmd_name]), cmd_name)
            return command
        return super().get_command(ctx, cmd_name)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Medspiller: leisure passes and free family holidays for children of poor families."""


letters = letters_group(compose_letters, send_again)
for group in (
    municipality,
    organisation,
    user,
    token,
    scheme,
    register,
    eligibility,
    passes,
    club,
    claims,
    letters,
    season_group,
    referral_list_group,
    audit,
    retention_group,
    keys,
):
    main.add_command(group)
database = database_commands(CHECKS, unsealed)
database.add_command(trial_restore_command(CHECKS, unsealed))
main.add_command(database)
