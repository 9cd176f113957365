"""`medspiller municipality` and `medspiller user`."""

from typing import Any

import click

from service import console
from service.audit.actions import COMMAND, record
from service.identity import actions
from service.identity.models import ROLES


@click.group()
def user() -> None:
    """Accounts and their roles."""


@user.command("add")
@click.argument("email")
@click.option("--name", required=True, help="The person's name.")
@click.option("--role", required=True, type=click.Choice(ROLES))
@console.MUNICIPALITY
@console.command
def add_user(email: str, name: str, role: str, code: str) -> Any:
    """Give a person a role in a municipality; the account is made where it is new."""
    with console.desk(code) as desk:
        account_id = actions.add_member(desk.session, desk.municipality.id, email, name, role)
        record(
            desk.session,
            desk.municipality.id,
            COMMAND,
            "identity.member.add",
            ("account", account_id),
            details={"role": role},
        )
    result = {"account": account_id, "email": email.lower(), "role": role, "municipality": code}
    return result, [f"{email} is now {role} in {desk.municipality.name}."]
