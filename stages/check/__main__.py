"""python -m stages.check params.yaml: every section at once, before any work starts.

DVC empties a stage's outputs before its first command, so a check within the stage would come too late for
them. This one is a stage of its own, on which `prepare` and so all others depend. `--checked` names its
output, which says the same for all parameters that are right: no stage runs again for another's sake.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from stages.check.sections import check
from stages.params import ParameterError
from stages.prepare.params import PrepareParams
from stages.prepare.tracked import kept_by_dvc, missing

WRITTEN = "All sections of params.yaml are right, and right together.\n"


def main(argv: list[str] | None = None) -> int:
    """0 where all is well; else each problem on a line of standard error, and 2."""
    parser = argparse.ArgumentParser(prog="stages.check", description=__doc__)
    parser.add_argument("params", type=Path)
    parser.add_argument("--checked", type=Path)
    args = parser.parse_args(argv)
    try:
        prepare = check(args.params)["prepare"]
        assert isinstance(prepare, PrepareParams)
        # Said here because DVC looks for a stage's dependencies before the stage can say anything. A file
        # that DVC keeps is left to DVC: `dvc repro --pull` fetches it.
        if not Path(prepare.path).exists() and not kept_by_dvc(prepare.path):
            raise ParameterError(missing(prepare.path))
    except ParameterError as error:
        print(error, file=sys.stderr)
        return 2
    if args.checked:
        args.checked.parent.mkdir(parents=True, exist_ok=True)
        args.checked.write_text(WRITTEN, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
