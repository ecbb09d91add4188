"""python -m stages.check params.yaml: every section at once, before any work starts.

DVC empties a stage's outputs before its first command, so a check within the stage would come too late for
them. The check is a separate stage on which `prepare`, and through it every other stage, depends. `--checked`
names its output, which is the same for all valid parameters, so a change reruns only the stages that use it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from stages.check.sections import check
from stages.params import ParameterError
from stages.prepare.params import PrepareParams
from stages.prepare.tracked import dvc_file_of, missing

WRITTEN = "All sections of params.yaml are right, and right together.\n"


def main(argv: list[str] | None = None) -> int:
    """0 if all is well; otherwise 2, with each problem on a line of standard error."""
    parser = argparse.ArgumentParser(prog="stages.check", description=__doc__)
    parser.add_argument("params", type=Path)
    parser.add_argument("--checked", type=Path)
    args = parser.parse_args(argv)
    try:
        prepare = check(args.params)["prepare"]
        assert isinstance(prepare, PrepareParams)
        # Checked here because DVC looks for a stage's dependencies before the stage can report anything.
        # A file that DVC tracks is left to DVC: `dvc repro --pull` fetches it.
        if not Path(prepare.path).exists() and not dvc_file_of(prepare.path):
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
