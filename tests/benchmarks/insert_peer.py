"""The peer that claims are measured beside: one row inserted by FastAPI with SQLModel, as their tutorial writes it.

`python -m tests.benchmarks.insert_peer DATABASE_URL PORT`, in a process of its own.
"""

import sys
from collections.abc import Iterator
from typing import Annotated

import uvicorn
from fastapi import Depends, FastAPI
from sqlmodel import Field, Session, SQLModel, create_engine

CONNECTIONS = 16


class RowBase(SQLModel):
    """What a claim says, as plain columns."""

    pass_number: str
    given_name: str
    fee_ore: int
    activity: str
    season_start: str
    season_end: str


class PeerRow(RowBase, table=True):
    """The one table, without a rule, a lock or a neighbour."""

    id: int | None = Field(default=None, primary_key=True)


def app_on(url: str) -> FastAPI:
    """The application with its one route."""
    engine = create_engine(url, pool_size=CONNECTIONS, max_overflow=0)
    app = FastAPI()

    def session_of() -> Iterator[Session]:
        with Session(engine) as session:
            yield session

    def add(row: RowBase, session: Annotated[Session, Depends(session_of)]) -> PeerRow:
        made = PeerRow.model_validate(row)
        session.add(made)
        session.commit()
        session.refresh(made)
        return made

    # Called and not written above the function: the type checker runs where FastAPI is not installed.
    app.post("/rows", status_code=201)(add)
    return app


if __name__ == "__main__":
    uvicorn.run(app_on(sys.argv[1]), port=int(sys.argv[2]), log_config=None, access_log=False)
