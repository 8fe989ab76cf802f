"""Runs the validators of manifest.json that datadog-checks-dev ships. Usage: manifest.py REPOSITORY CHECK."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from datadog_checks.dev.tooling.constants import set_root
from datadog_checks.dev.tooling.datastructures import JSONDict
from datadog_checks.dev.tooling.manifest_validator import get_all_validators


def main(repository: Path, check: str) -> int:
    """Print what the validators find; return 1 if one of them failed."""
    set_root(str(repository))
    manifest = JSONDict(json.loads((repository / check / 'manifest.json').read_text()))
    failed = False
    # The schema is left out: its validator asks Datadog's server.
    for validator in get_all_validators(None, manifest['manifest_version'], is_extras=True, ignore_schema=True):
        validator.validate(check, manifest, False)
        failed |= validator.result.failed
        for kind, messages in validator.result.messages.items():
            for message in messages:
                print(f'{kind}: {message.strip()}')
    return int(failed)


if __name__ == '__main__':
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
