"""`make benchmark`: every measurement of the project, each printed beside its goal. Nothing is asserted."""

import argparse
import platform

from tests.benchmarks import allocation, board, claims, eligibility, letters, pages, payments, register


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--households", type=int, default=100_000, help="the goals are set for 1000000")
    parser.add_argument("--letters", type=int, default=2_000)
    arguments = parser.parse_args()
    print(f"{platform.machine()}, Python {platform.python_version()}, {arguments.households:,} households")
    for part in (register, eligibility, pages, claims, payments):
        for line in part.run(arguments.households):
            print(line, flush=True)
    for line in letters.run(arguments.letters):
        print(line, flush=True)
    for part in (allocation, board):
        for line in part.run():
            print(line, flush=True)


if __name__ == "__main__":
    main()
