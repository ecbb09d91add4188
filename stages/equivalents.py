"""λ in the words of other tools: `python -m stages.equivalents --lam 5 --windows 173 --outputs 11`.

m is the number of training windows (rows of the minimised sum), P = H·C that of the outputs of a row, b the
batch size, ρ the ratio of an elastic net, s the standard deviation of the target with 1/m. All tools are
given the scaled and normalised inputs and targets that the network sees, and fit an intercept that is not
penalised. Where windows are divided by their spread, they also weigh as its square, or as itself under
absolute errors.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """λ, and what its conversion depends on."""

    lam: float
    windows: int  # m
    outputs: int = 1  # P
    batch: int = 0  # b; 0: m
    ratio: float = 0.5  # ρ
    spread: float = 1.0  # s

    @property
    def b(self) -> int:
        return self.batch or self.windows


@dataclass(frozen=True)
class Equivalent:
    """One option of another tool that means the same as λ of a penalty here.

    Attributes:
        kind: `train.penalty.kind`. loss: `train.loss`. tool: with its loss where that matters. setting: the
            option's name there.
        formula: of the setting's value in the letters above, evaluated by `value`.
        condition: under which the two are the same.
    """

    kind: str
    tool: str
    setting: str
    formula: str
    value: Callable[[Setting], float]
    condition: str = ""
    loss: str = "squared"


def _by_row(s: Setting) -> float:
    return s.lam / s.windows


def _mean_l2(s: Setting) -> float:
    return s.lam / (s.windows * s.outputs)


_SUM = "loss 1/(2b) Σ‖y − ŷ‖²"
_MEAN = "`MSELoss`, the mean over b·P"
_ABSOLUTE = "`L1Loss`, the mean over b·P"
_ONE = "one output; `standardize=FALSE`; it standardises y itself"
_CONSTANT = "one output; `alpha` a vector with 0 for the constant, which a number would penalise"
_EXACT = f"{_CONSTANT}; try several `start_params`, for a weight that is 0 on the way stays 0"
_DECAYS = "weights in a separate parameter group; biases with weight_decay 0"

EQUIVALENTS = (
    Equivalent("l2", "scikit-learn `Ridge`", "alpha", "λ", lambda s: s.lam),
    Equivalent("l2", f"torch `SGD`, {_SUM}", "weight_decay", "λ/m", _by_row, _DECAYS),
    Equivalent("l2", f"torch `Adam`, {_SUM}", "weight_decay", "λ/m", _by_row, _DECAYS),
    Equivalent(
        "l2", f"torch `SGD`, {_MEAN}", "weight_decay", "2λ/(mP)", lambda s: 2 * _mean_l2(s),
        f"learning rate times P/2; {_DECAYS}",
    ),
    Equivalent(
        "l2", f"torch `Adam`, {_MEAN}", "weight_decay", "2λ/(mP)", lambda s: 2 * _mean_l2(s),
        f"eps times 2/P; {_DECAYS}",
    ),
    Equivalent(
        "l2", "Keras `l2`, loss `mse`", "l2", "λ/(mP)", _mean_l2,
        "on kernel and recurrent kernel, not on biases; it adds l2·Σw², without the ½",
    ),
    Equivalent(
        "l2", "glmnet, `alpha = 0`", "lambda", "sλ/m", lambda s: s.spread * _by_row(s), _ONE
    ),
    Equivalent(
        "l2", "statsmodels `fit_regularized`, `L1_wt = 0`", "alpha", "λ/m", _by_row, _CONSTANT
    ),
    Equivalent(
        "l2", "scikit-learn `SVR`, linear, `epsilon=0`", "C", "1/λ",
        lambda s: 1 / s.lam if s.lam else math.inf,
        "one output; of absolute errors the minimum may not be the only one", "absolute",
    ),
    Equivalent(
        "l2", f"torch `SGD`, {_ABSOLUTE}", "weight_decay", "λ/(mP)", _mean_l2,
        f"learning rate times P; {_DECAYS}", "absolute",
    ),
    Equivalent(
        "l2", f"torch `Adam`, {_ABSOLUTE}", "weight_decay", "λ/(mP)", _mean_l2,
        f"eps times 1/P; {_DECAYS}", "absolute",
    ),
    Equivalent(
        "l2", "Keras `l2`, loss `mae`", "l2", "λ/(2mP)", lambda s: _mean_l2(s) / 2,
        "as under `mse`", "absolute",
    ),
    Equivalent(
        "decoupled", "torch `AdamW`, any scale of the loss", "weight_decay", "λ/m", _by_row,
        f"eps on that scale; {_DECAYS}",
    ),
    Equivalent("l1", "scikit-learn `Lasso`", "alpha", "λ/m", _by_row),
    Equivalent(
        "l1", "Keras `l1`, loss `mse`", "l1", "2λ/(mP)", lambda s: 2 * _mean_l2(s),
        "by subgradient there: no exact zeros",
    ),
    Equivalent("l1", "glmnet, `alpha = 1`", "lambda", "λ/m", _by_row, _ONE),
    Equivalent(
        "l1", "statsmodels `fit_regularized`, `L1_wt = 1`", "alpha", "λ/m", _by_row, _EXACT
    ),
    Equivalent("elastic_net", "scikit-learn `ElasticNet`, `l1_ratio = ρ`", "alpha", "λ/m", _by_row),
    Equivalent(
        "elastic_net", "glmnet, `alpha = ρ/(ρ + s(1−ρ))`", "lambda", "(ρ + s(1−ρ)) λ/m",
        lambda s: (s.ratio + s.spread * (1 - s.ratio)) * _by_row(s), _ONE,
    ),
    Equivalent(
        "elastic_net", "statsmodels `fit_regularized`, `L1_wt = ρ`", "alpha", "λ/m", _by_row,
        _EXACT,
    ),
    Equivalent(
        "predictions", "Keras `l2` called on y_pred, loss `mse`", "l2", "λ/(bP)",
        lambda s: s.lam / (s.b * s.outputs), "it sums over the batch, the loss is a mean",
    ),
)  # fmt: skip


def find(kind: str, tool: str) -> Equivalent:
    """The only equivalent of that kind whose tool begins with these words."""
    (equivalent,) = [e for e in EQUIVALENTS if e.kind == kind and e.tool.startswith(tool)]
    return equivalent


def table(given: Setting | None = None) -> str:
    """All equivalents as a Markdown table; with values instead of formulas where a setting is given."""
    lines = ["| penalty | loss | tool | setting | where |", "| --- | --- | --- | --- | --- |"]
    for e in EQUIVALENTS:
        value = e.formula if given is None else f"{e.value(given):.6g}"
        lines.append(
            f"| `{e.kind}` | {e.loss} | {e.tool} | {e.setting} = {value} | {e.condition} |"
        )
    return "\n".join(lines) + "\n"


def main(argv: list[str] | None = None) -> int:
    """Print the formulas, or their values where λ and m are given."""
    parser = argparse.ArgumentParser(prog="stages.equivalents", description=__doc__)
    parser.add_argument("--lam", type=float, help="λ of this project")
    parser.add_argument("--windows", type=int, help="m, training windows (times series, if shared)")
    parser.add_argument("--outputs", type=int, default=1, help="P = H·C")
    parser.add_argument("--batch", type=int, default=0, help="b; without it: m")
    parser.add_argument("--ratio", type=float, default=0.5, help="ρ of an elastic net")
    parser.add_argument("--spread", type=float, default=1.0, help="s, the target's deviation")
    args = parser.parse_args(argv)
    if args.lam is None and args.windows is None:
        print(table(), end="")
        return 0
    if args.lam is None or not (math.isfinite(args.lam) and args.lam >= 0):
        parser.error(f"--lam = {args.lam} must be a number of at least 0; give the λ of the study")
    if args.windows is None or min(args.windows, args.outputs) < 1 or args.batch < 0:
        parser.error("--windows, --outputs and --batch must be at least 1; --windows is needed")
    if not (0 < args.ratio < 1 and 0 < args.spread < math.inf):
        parser.error("--ratio must lie between 0 and 1, --spread above 0; correct them")
    print(table(Setting(**vars(args))), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
