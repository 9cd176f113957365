"""Whether a pinned dependency has a known vulnerability: `make audit`.

Fails where one is found. Where the index cannot be asked about a package that is said and passed over: a machine
without the network can still check everything else.
"""

import json
import subprocess
import sys
from pathlib import Path

PINNED = ("requirements.txt", "requirements-dev.txt")


def main() -> int:
    """Ask about every pinned version; 1 where a vulnerability is known."""
    program = Path(sys.executable).with_name("pip-audit")
    fixed = ["--require-hashes", "--disable-pip", "--progress-spinner", "off", "--format", "json"]
    files = [part for name in PINNED for part in ("-r", name)]
    done = subprocess.run([program, *fixed, *files], capture_output=True, text=True, check=False)
    if not done.stdout.strip():
        print(f"The index cannot be asked: {done.stderr.strip().splitlines()[-1]}")
        return 0
    asked = json.loads(done.stdout)["dependencies"]
    skipped = [package["name"] for package in asked if "skip_reason" in package]
    found = [(package, flaw) for package in asked for flaw in package.get("vulns", [])]
    for package, flaw in found:
        print(f"{package['name']} {package['version']}: {flaw['id']}, mended in {', '.join(flaw['fix_versions'])}")
    print(f"{len(asked)} packages: {len(found)} known vulnerabilities; {len(skipped)} could not be asked about.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
