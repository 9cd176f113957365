"""The command line: every slice's commands put together."""

import click

from service.eligibility.commands import eligibility, municipality, scheme
from service.identity.commands import user
from service.register.commands import register


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Medspiller: leisure passes and free family holidays for children of poor families."""


for group in (municipality, user, scheme, register, eligibility):
    main.add_command(group)
